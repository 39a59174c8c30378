#include <sys/socket.h>
#include <sys/un.h>

#include "each.h"

static int unlinks(void *call) { return ((int (*)(const char *))call)("file") == 0 && is_absent("file"); }
static int unlinks_at(void *call) {
  return ((int (*)(int, const char *, int))call)(AT_FDCWD, "file", 0) == 0 && is_absent("file");
}
static int not_empty(void *call) { return fails_with(((int (*)(const char *))call)("dir"), ENOTEMPTY); }

static bool moved(long result) { return result == 0 && is_absent("file") && size_of("away/new") == CONTENT_SIZE; }
static int renames(void *call) { return moved(((int (*)(const char *, const char *))call)("file", "away/new")); }
static int renames_at(void *call) {
  return moved(((int (*)(int, const char *, int, const char *))call)(AT_FDCWD, "file", AT_FDCWD, "away/new"));
}
static int renames_flags(void *call) {
  typedef int (*renamer)(int, const char *, int, const char *, unsigned);
  return moved(((renamer)call)(AT_FDCWD, "file", AT_FDCWD, "away/new", 0));
}

static int links(void *call) {
  return ((int (*)(const char *, const char *))call)("file", "new") == 0 && size_of("new") == CONTENT_SIZE;
}
static int links_at(void *call) {
  return ((int (*)(int, const char *, int, const char *, int))call)(AT_FDCWD, "file", AT_FDCWD, "new", 0) == 0 &&
         size_of("new") == CONTENT_SIZE;
}

/* A name that a virtual file has is taken. */
static int symlinks(void *call) { return fails_with(((int (*)(const char *, const char *))call)("x", "file"), EEXIST); }
static int symlinks_at(void *call) {
  return fails_with(((int (*)(const char *, int, const char *))call)("x", AT_FDCWD, "file"), EEXIST);
}
static int makes(void *call) { return fails_with(((int (*)(const char *, mode_t))call)("file", 0700), EEXIST); }
static int makes_at(void *call) {
  return fails_with(((int (*)(int, const char *, mode_t))call)(AT_FDCWD, "file", 0700), EEXIST);
}
static int makes_node(void *call) {
  return fails_with(((int (*)(const char *, mode_t, dev_t))call)("file", S_IFREG | 0600, 0), EEXIST);
}
static int makes_node_at(void *call) {
  return fails_with(((int (*)(int, const char *, mode_t, dev_t))call)(AT_FDCWD, "file", S_IFREG | 0600, 0), EEXIST);
}
static int makes_node_by_version(void *call) {
  dev_t device = 0;
  return fails_with(((int (*)(int, const char *, mode_t, dev_t *))call)(0, "file", S_IFREG | 0600, &device), EEXIST);
}
static int makes_node_at_by_version(void *call) {
  dev_t device = 0;
  typedef int (*maker)(int, int, const char *, mode_t, dev_t *);
  return fails_with(((maker)call)(0, AT_FDCWD, "file", S_IFREG | 0600, &device), EEXIST);
}
static int binds(void *call) {
  struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "file"};
  typedef int (*binder)(int, const struct sockaddr *, socklen_t);
  return fails_with(((binder)call)(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&address, sizeof address), EADDRINUSE);
}

const struct row name_rows[] = {
    {"unlink", unlinks},
    {"remove", unlinks},
    {"unlinkat", unlinks_at},
    {"rmdir", not_empty},
    {"rename", renames},
    {"renameat", renames_at},
    {"renameat2", renames_flags},
    {"link", links},
    {"linkat", links_at},
    {"symlink", symlinks},
    {"symlinkat", symlinks_at},
    {"mkdir", makes},
    {"mkdirat", makes_at},
    {"mkfifo", makes},
    {"mkfifoat", makes_at},
    {"mknod", makes_node},
    {"mknodat", makes_node_at},
    {"__xmknod", makes_node_by_version},
    {"__xmknodat", makes_node_at_by_version},
    {"bind", binds},
    {NULL, NULL},
};
