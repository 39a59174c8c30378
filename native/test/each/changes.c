#include <sys/time.h>
#include <sys/xattr.h>
#include <utime.h>

#include "each.h"

#define LATER 200

static bool has_mode(const char *path, mode_t mode) {
  struct stat st;
  return stat(path, &st) == 0 && (st.st_mode & 07777) == mode;
}
static bool has_time(const char *path) {
  struct stat st;
  return stat(path, &st) == 0 && st.st_mtime == LATER && st.st_size == CONTENT_SIZE;
}

static int sets_mode(void *call) {
  return ((int (*)(const char *, mode_t))call)("file", 0600) == 0 && has_mode("file", 0600);
}
static int sets_mode_at(void *call) {
  return ((int (*)(int, const char *, mode_t, int))call)(AT_FDCWD, "file", 0600, 0) == 0 && has_mode("file", 0600);
}
static int sets_mode_of_descriptor(void *call) {
  return ((int (*)(int, mode_t))call)(open("file", O_RDONLY), 0600) == 0 && has_mode("file", 0600);
}
static int sets_owner(void *call) {
  return ((int (*)(const char *, uid_t, gid_t))call)("file", getuid(), getgid()) == 0;
}
static int sets_owner_at(void *call) {
  return ((int (*)(int, const char *, uid_t, gid_t, int))call)(AT_FDCWD, "file", getuid(), getgid(), 0) == 0;
}
static int sets_owner_of_descriptor(void *call) {
  int fd = open("file", O_RDONLY);
  return ((int (*)(int, uid_t, gid_t))call)(fd, getuid(), getgid()) == 0 && is_the_file(fd, "file");
}

static const struct timeval micros[2] = {{LATER, 0}, {LATER, 0}};
static const struct timespec nanos[2] = {{LATER, 0}, {LATER, 0}};
static int sets_time_seconds(void *call) {
  struct utimbuf times = {LATER, LATER};
  return ((int (*)(const char *, const struct utimbuf *))call)("file", &times) == 0 && has_time("file");
}
static int sets_time(void *call) {
  return ((int (*)(const char *, const struct timeval *))call)("file", micros) == 0 && has_time("file");
}
static int sets_time_at(void *call) {
  return ((int (*)(int, const char *, const struct timeval *))call)(AT_FDCWD, "file", micros) == 0 && has_time("file");
}
static int sets_time_exactly(void *call) {
  return ((int (*)(int, const char *, const struct timespec *, int))call)(AT_FDCWD, "file", nanos, 0) == 0 && has_time("file");
}
static int sets_time_of_descriptor(void *call) {
  return ((int (*)(int, const struct timeval *))call)(open("file", O_RDONLY), micros) == 0 && has_time("file");
}
static int sets_time_of_descriptor_exactly(void *call) {
  return ((int (*)(int, const struct timespec *))call)(open("file", O_RDONLY), nanos) == 0 && has_time("file");
}

static int cuts(void *call) { return ((int (*)(const char *, off_t))call)("file", 3) == 0 && size_of("file") == 3; }

static bool done_or_unsupported(long result) { return result == 0 || fails_with(result, ENOTSUP); }
static int sets_attribute(void *call) {
  typedef int (*setter)(const char *, const char *, const void *, size_t, int);
  return done_or_unsupported(((setter)call)("file", "user.vrift", "x", 1, 0));
}
static int drops_attribute(void *call) {
  long result = ((int (*)(const char *, const char *))call)("file", "user.vrift");
  return fails_with(result, ENODATA) || fails_with(result, ENOTSUP);
}
static int sets_attribute_of_descriptor(void *call) {
  int fd = open("file", O_RDONLY);
  typedef int (*setter)(int, const char *, const void *, size_t, int);
  return done_or_unsupported(((setter)call)(fd, "user.vrift", "x", 1, 0)) && is_the_file(fd, "file");
}
static int drops_attribute_of_descriptor(void *call) {
  int fd = open("file", O_RDONLY);
  ((int (*)(int, const char *))call)(fd, "user.vrift");
  return is_the_file(fd, "file");
}

const struct row change_rows[] = {
    {"chmod", sets_mode},
    {"lchmod", sets_mode},
    {"fchmodat", sets_mode_at},
    {"fchmod", sets_mode_of_descriptor},
    {"chown", sets_owner},
    {"lchown", sets_owner},
    {"fchownat", sets_owner_at},
    {"fchown", sets_owner_of_descriptor},
    {"utime", sets_time_seconds},
    {"utimes", sets_time},
    {"lutimes", sets_time},
    {"futimesat", sets_time_at},
    {"utimensat", sets_time_exactly},
    {"futimes", sets_time_of_descriptor},
    {"futimens", sets_time_of_descriptor_exactly},
    {"truncate", cuts},
    {"truncate64", cuts},
    {"setxattr", sets_attribute},
    {"lsetxattr", sets_attribute},
    {"removexattr", drops_attribute},
    {"lremovexattr", drops_attribute},
    {"fsetxattr", sets_attribute_of_descriptor},
    {"fremovexattr", drops_attribute_of_descriptor},
    {NULL, NULL},
};
