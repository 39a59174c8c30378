#include <mntent.h>
#include <nl_types.h>

#include "each.h"

static int opens(void *call) { return reads_content(((int (*)(const char *, int, ...))call)("file", O_RDONLY)); }
static int opens_at(void *call) {
  return reads_content(((int (*)(int, const char *, int, ...))call)(AT_FDCWD, "file", O_RDONLY));
}
/* A file that is there keeps its mode. */
static int empties(void *call) {
  struct stat st;
  int fd = ((int (*)(const char *, mode_t))call)("file", 0600);
  return fd >= 0 && stat("file", &st) == 0 && st.st_size == 0 && (st.st_mode & 0777) == 0644;
}

static int streams(void *call) {
  char line[64];
  FILE *in = ((FILE * (*)(const char *, const char *))call)("file", "r");
  return in && fgets(line, sizeof line, in) && strcmp(line, CONTENT) == 0;
}
static int streams_again(void *call) {
  char line[64];
  FILE *in = ((FILE * (*)(const char *, const char *, FILE *))call)("file", "r", fopen("other", "r"));
  return in && fgets(line, sizeof line, in) && strcmp(line, CONTENT) == 0;
}

/* What libc makes behind the library's back is not seen by the next stat. */
static int temporary(int fd, const char *name) { return fd >= 0 && size_of(name) == 0 && write(fd, "x", 1) == 1; }
static int temporary_plain(void *call) {
  char name[] = "dir/tXXXXXX";
  return temporary(((int (*)(char *))call)(name), name);
}
static int temporary_flags(void *call) {
  char name[] = "dir/tXXXXXX";
  return temporary(((int (*)(char *, int))call)(name, O_CLOEXEC), name);
}
static int temporary_suffix(void *call) {
  char name[] = "dir/tXXXXXX.c";
  return temporary(((int (*)(char *, int))call)(name, 2), name);
}
static int temporary_suffix_flags(void *call) {
  char name[] = "dir/tXXXXXX.c";
  return temporary(((int (*)(char *, int, int))call)(name, 2, O_CLOEXEC), name);
}
static int temporary_directory(void *call) {
  char name[] = "dir/tXXXXXX";
  return ((char *(*)(char *))call)(name) == name && size_of(name) >= 0;
}

static int table_of_mounts(void *call) {
  FILE *in = ((FILE * (*)(const char *, const char *))call)("mounts", "r");
  struct mntent *entry = in ? getmntent(in) : NULL;
  return entry && strcmp(entry->mnt_dir, "/mnt") == 0;
}
/* `file` is no catalogue: libc reads it and says so, where it would not find a virtual one. */
static int catalogue(void *call) {
  nl_catd found = ((nl_catd(*)(const char *, int))call)("./file", 0);
  return found == (nl_catd)-1 && errno != ENOENT;
}

const struct row opening_rows[] = {
    {"open", opens},
    {"open64", opens},
    {"__open", opens},
    {"__open64", opens},
    {"__open_2", opens},
    {"__open64_2", opens},
    {"openat", opens_at},
    {"openat64", opens_at},
    {"__openat_2", opens_at},
    {"__openat64_2", opens_at},
    {"creat", empties},
    {"creat64", empties},
    {"fopen", streams},
    {"fopen64", streams},
    {"_IO_fopen", streams},
    {"freopen", streams_again},
    {"freopen64", streams_again},
    {"mkstemp", temporary_plain},
    {"mkstemp64", temporary_plain},
    {"mkostemp", temporary_flags},
    {"mkostemp64", temporary_flags},
    {"mkstemps", temporary_suffix},
    {"mkstemps64", temporary_suffix},
    {"mkostemps", temporary_suffix_flags},
    {"mkostemps64", temporary_suffix_flags},
    {"mkdtemp", temporary_directory},
    {"setmntent", table_of_mounts},
    {"__setmntent", table_of_mounts},
    {"catopen", catalogue},
    {NULL, NULL},
};
