/* Which project a directory is in, as resolveRoot() in src/workspace/root.ts says it, without asking anybody. */
#ifndef VRIFT_LAUNCHER_KNOWN_ROOT_H
#define VRIFT_LAUNCHER_KNOWN_ROOT_H

#include <limits.h>

enum { ID_LENGTH = 32 };

struct known_root {
  char root[PATH_MAX];
  char id[ID_LENGTH + 1];
};

/* The innermost one: by its .vrift/workspace, or because `home` knows it. 0 when there is none. `directory` is a real path. */
int find_known_root(const char *home, const char *directory, struct known_root *found);

#endif
