#include <dirent.h>
#include <glob.h>
#include <wordexp.h>

#include "each.h"

typedef struct dirent *(*reader)(DIR *);

static bool lists_file(DIR *dir, reader read_one) {
  struct dirent *record;
  while (dir && (record = read_one(dir)))
    if (strcmp(record->d_name, "file") == 0) return true;
  return false;
}

static int opens(void *call) { return lists_file(((DIR * (*)(const char *))call)("."), readdir); }
static int opens_descriptor(void *call) {
  return lists_file(((DIR * (*)(int))call)(open(".", O_RDONLY | O_DIRECTORY)), readdir);
}
static int reads(void *call) { return lists_file(opendir("."), (reader)call); }
static int reads_into(void *call) {
  DIR *dir = opendir(".");
  struct dirent space, *result;
  while (((int (*)(DIR *, struct dirent *, struct dirent **))call)(dir, &space, &result) == 0 && result)
    if (strcmp(result->d_name, "file") == 0) return 1;
  return 0;
}
static int closes(void *call) {
  DIR *dir = opendir(".");
  int fd = dirfd(dir);
  return ((int (*)(DIR *))call)(dir) == 0 && fails_with(fcntl(fd, F_GETFD), EBADF);
}
static int has_descriptor(void *call) {
  struct stat of_stream, of_name;
  return fstat(((int (*)(DIR *))call)(opendir(".")), &of_stream) == 0 && stat(".", &of_name) == 0 &&
         of_stream.st_ino == of_name.st_ino;
}
static int rewinds(void *call) {
  DIR *dir = opendir(".");
  while (readdir(dir)) continue;
  ((void (*)(DIR *))call)(dir);
  return lists_file(dir, readdir);
}
static bool comes_back(void (*seek)(DIR *, long), long (*tell)(DIR *)) {
  DIR *dir = opendir(".");
  struct dirent *record;
  char name[NAME_MAX + 1];
  int count = 0;
  for (;; count++) {
    long at = tell(dir);
    if (!(record = readdir(dir))) break;
    strcpy(name, record->d_name);
    seek(dir, at);
    if (!(record = readdir(dir)) || strcmp(name, record->d_name) != 0) return false;
  }
  return count >= 5;
}
static int seeks(void *call) { return comes_back((void (*)(DIR *, long))call, telldir); }
static int tells(void *call) { return comes_back(seekdir, (long (*)(DIR *))call); }

static int chosen(const struct dirent *record) { return strcmp(record->d_name, "file") == 0; }
typedef int (*chooser)(const struct dirent *);
typedef int (*comparer)(const struct dirent **, const struct dirent **);
static int scans(void *call) {
  struct dirent **list;
  return ((int (*)(const char *, struct dirent ***, chooser, comparer))call)(".", &list, chosen, alphasort) == 1;
}
static int scans_at(void *call) {
  struct dirent **list;
  return ((int (*)(int, const char *, struct dirent ***, chooser, comparer))call)(AT_FDCWD, ".", &list, chosen, alphasort) == 1;
}

static bool holds_file(const char *buffer, ssize_t size) {
  for (ssize_t at = 0; at < size; at += ((const struct dirent64 *)(buffer + at))->d_reclen)
    if (strcmp(((const struct dirent64 *)(buffer + at))->d_name, "file") == 0) return true;
  return false;
}
static int raw_records(void *call) {
  char buffer[4096] __attribute__((aligned(8)));
  ssize_t got;
  int fd = open(".", O_RDONLY | O_DIRECTORY);
  while ((got = ((ssize_t(*)(int, void *, size_t))call)(fd, buffer, sizeof buffer)) > 0)
    if (holds_file(buffer, got)) return 1;
  return 0;
}
static int raw_records_from(void *call) {
  char buffer[4096] __attribute__((aligned(8)));
  ssize_t got;
  off_t base;
  int fd = open(".", O_RDONLY | O_DIRECTORY);
  while ((got = ((ssize_t(*)(int, char *, size_t, off_t *))call)(fd, buffer, sizeof buffer, &base)) > 0)
    if (holds_file(buffer, got)) return 1;
  return 0;
}

static int globs(void *call) {
  glob_t found;
  typedef int (*globber)(const char *, int, int (*)(const char *, int), glob_t *);
  return ((globber)call)("d*/in*r", 0, NULL, &found) == 0 && found.gl_pathc == 1 &&
         strcmp(found.gl_pathv[0], "dir/inner") == 0;
}

static int expands(void *call) {
  wordexp_t found;
  return ((int (*)(const char *, wordexp_t *, int))call)("d*/in*r '*'", &found, 0) == 0 && found.we_wordc == 2 &&
         strcmp(found.we_wordv[0], "dir/inner") == 0 && strcmp(found.we_wordv[1], "*") == 0;
}

const struct row directory_rows[] = {
    {"opendir", opens},
    {"fdopendir", opens_descriptor},
    {"readdir", reads},
    {"readdir64", reads},
    {"readdir_r", reads_into},
    {"readdir64_r", reads_into},
    {"closedir", closes},
    {"dirfd", has_descriptor},
    {"rewinddir", rewinds},
    {"seekdir", seeks},
    {"telldir", tells},
    {"scandir", scans},
    {"scandir64", scans},
    {"scandirat", scans_at},
    {"scandirat64", scans_at},
    {"getdents64", raw_records},
    {"getdirentries", raw_records_from},
    {"getdirentries64", raw_records_from},
    {"glob", globs},
    {"glob64", globs},
    {"wordexp", expands},
    {NULL, NULL},
};
