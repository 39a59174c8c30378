#include <sys/file.h>

#include "each.h"

/* Two files of one content: the copies of their descriptors must stay apart. */
static bool knows_itself(int fd, const char *path) {
  struct stat by_name, by_descriptor;
  return fd >= 0 && stat(path, &by_name) == 0 && fstat(fd, &by_descriptor) == 0 && by_name.st_ino == by_descriptor.st_ino;
}
static int copies(void *call) {
  int (*copy)(int) = (int (*)(int))call;
  return knows_itself(copy(open("file", O_RDONLY)), "file") && knows_itself(copy(open("same", O_RDONLY)), "same");
}
static int copies_to(void *call) {
  int (*copy)(int, int) = (int (*)(int, int))call;
  return knows_itself(copy(open("file", O_RDONLY), 2), "file") && knows_itself(copy(open("same", O_RDONLY), 1), "same");
}
static int copies_with(void *call) {
  int (*copy)(int, int, int) = (int (*)(int, int, int))call;
  return knows_itself(copy(open("file", O_RDONLY), 100, O_CLOEXEC), "file") &&
         knows_itself(copy(open("same", O_RDONLY), 101, O_CLOEXEC), "same");
}

static int locks(void *call) {
  int fd = open("file", O_RDONLY);
  return ((int (*)(int, int))call)(fd, LOCK_EX) == 0 && is_the_file(fd, "file");
}
static int locks_record(void *call) {
  int fd = open("file", O_RDONLY);
  struct flock lock = {.l_type = F_RDLCK, .l_len = 1};
  return ((int (*)(int, int, ...))call)(fd, F_SETLK, &lock) == 0 && is_the_file(fd, "file");
}
static int asks_for_lock(void *call) {
  int fd = open("file", O_RDONLY);
  return ((int (*)(int, int, off_t))call)(fd, F_TEST, 0) == 0 && is_the_file(fd, "file");
}

const struct row descriptor_rows[] = {
    {"dup", copies},
    {"dup2", copies_to},
    {"__dup2", copies_to},
    {"dup3", copies_with},
    {"flock", locks},
    {"fcntl", locks_record},
    {"fcntl64", locks_record},
    {"__fcntl", locks_record},
    {"lockf", asks_for_lock},
    {"lockf64", asks_for_lock},
    {NULL, NULL},
};
