/* What the phantom fixture knows of a tree: which files become virtual, how their content gets into a store. */
#ifndef VRIFT_FIXTURE_TREE_H
#define VRIFT_FIXTURE_TREE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "index_writer.h"

struct fixture {
  const char *root, *run, *source;
  struct vrift_index_writer index;
  uint64_t *marks;
  uint64_t next_id;
};

/* Ends the program with a line on stderr. */
_Noreturn void fixture_die(const char *what, const char *path);

/* "<root>/<key>", from a small ring of buffers. */
const char *fixture_path(const char *directory, const char *key);

/* Calls `visit` for every name below the root, parents first; `.vrift` is left out, `.git` not descended into. */
void fixture_walk(struct fixture *fixture, void (*visit)(struct fixture *, const char *key, const struct stat *st));

bool fixture_is_kernel(const char *key);
/* May become virtual: a plain file that is no program. */
bool fixture_is_plain(const char *path, const struct stat *st);

void fixture_value(const struct stat *st, uint16_t flags, struct vrift_index_value *value);

/* Moves the content into the store and fills `value` for a virtual entry. The file itself is gone afterwards. */
void fixture_take(struct fixture *fixture, const char *path, const struct stat *st, struct vrift_index_value *value);

/* Brings index and tree together again by the table of DESIGN section 4, removes whiteouts, publishes `seen`. */
void fixture_fold(struct fixture *fixture);

#endif
