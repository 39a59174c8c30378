#include <sys/ipc.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

#include "each.h"

static int stat_by_path(void *call) {
  struct stat st;
  return ((int (*)(const char *, struct stat *))call)("file", &st) == 0 && st.st_size == CONTENT_SIZE;
}
static int stat_by_version(void *call) {
  struct stat st;
  return ((int (*)(int, const char *, struct stat *))call)(1, "file", &st) == 0 && st.st_size == CONTENT_SIZE;
}
static int stat_at(void *call) {
  struct stat st;
  return ((int (*)(int, const char *, struct stat *, int))call)(AT_FDCWD, "file", &st, 0) == 0 &&
         st.st_size == CONTENT_SIZE;
}
static int stat_at_by_version(void *call) {
  struct stat st;
  return ((int (*)(int, int, const char *, struct stat *, int))call)(1, AT_FDCWD, "file", &st, 0) == 0 &&
         st.st_size == CONTENT_SIZE;
}
static int stat_extended(void *call) {
  struct statx st;
  return ((int (*)(int, const char *, int, unsigned, struct statx *))call)(AT_FDCWD, "file", 0, STATX_SIZE, &st) == 0 &&
         st.stx_size == CONTENT_SIZE;
}

/* Two files of one content: each descriptor must be its own file's. */
static bool agrees(const char *path, int (*ask)(void *, int, struct stat *), void *call) {
  struct stat by_name, by_descriptor;
  return stat(path, &by_name) == 0 && ask(call, open(path, O_RDONLY), &by_descriptor) == 0 &&
         by_name.st_ino == by_descriptor.st_ino && by_name.st_mode == by_descriptor.st_mode &&
         by_name.st_mtim.tv_nsec == by_descriptor.st_mtim.tv_nsec;
}
static int ask_plain(void *call, int fd, struct stat *st) { return ((int (*)(int, struct stat *))call)(fd, st); }
static int ask_version(void *call, int fd, struct stat *st) { return ((int (*)(int, int, struct stat *))call)(1, fd, st); }
static int stat_descriptor(void *call) { return agrees("file", ask_plain, call) && agrees("same", ask_plain, call); }
static int stat_descriptor_by_version(void *call) {
  return agrees("file", ask_version, call) && agrees("same", ask_version, call);
}

static int may_read(void *call) { return ((int (*)(const char *, int))call)("file", R_OK) == 0; }
static int may_read_at(void *call) { return ((int (*)(int, const char *, int, int))call)(AT_FDCWD, "file", R_OK, 0) == 0; }

static int no_link(void *call) {
  char out[64];
  return fails_with(((ssize_t (*)(const char *, char *, size_t))call)("file", out, sizeof out), EINVAL);
}
static int no_link_at(void *call) {
  char out[64];
  return fails_with(((ssize_t (*)(int, const char *, char *, size_t))call)(AT_FDCWD, "file", out, sizeof out), EINVAL);
}
static int no_link_checked(void *call) {
  char out[64];
  return fails_with(((ssize_t (*)(const char *, char *, size_t, size_t))call)("file", out, sizeof out, sizeof out), EINVAL);
}
static int no_link_at_checked(void *call) {
  char out[64];
  return fails_with(((ssize_t (*)(int, const char *, char *, size_t, size_t))call)(AT_FDCWD, "file", out, sizeof out, sizeof out),
                    EINVAL);
}

static bool ends_in_file(const char *path) {
  return path && path[0] == '/' && strlen(path) > 5 && strcmp(path + strlen(path) - 5, "/file") == 0;
}
static int resolves(void *call) { return ends_in_file(((char *(*)(const char *, char *))call)("away/../file", NULL)); }
static int resolves_checked(void *call) {
  static char out[PATH_MAX];
  return ends_in_file(((char *(*)(const char *, char *, size_t))call)("file", out, sizeof out));
}
static int resolves_allocated(void *call) { return ends_in_file(((char *(*)(const char *))call)("file")); }

static int file_system(void *call) {
  struct statfs fs;
  return ((int (*)(const char *, struct statfs *))call)("file", &fs) == 0;
}
static int file_system_posix(void *call) {
  struct statvfs fs;
  return ((int (*)(const char *, struct statvfs *))call)("file", &fs) == 0;
}
static int limit(void *call) { return ((long (*)(const char *, int))call)("file", _PC_NAME_MAX) > 0; }
/* The store is on another file system than the tree here. */
static int file_system_of_descriptor(void *call) {
  struct statfs of_file, of_tree;
  return statfs(".", &of_tree) == 0 && ((int (*)(int, struct statfs *))call)(open("file", O_RDONLY), &of_file) == 0 &&
         memcmp(&of_file.f_fsid, &of_tree.f_fsid, sizeof of_tree.f_fsid) == 0 && of_file.f_type == of_tree.f_type;
}
static int file_system_of_descriptor_posix(void *call) {
  struct statvfs of_file, of_tree;
  return statvfs(".", &of_tree) == 0 && ((int (*)(int, struct statvfs *))call)(open("file", O_RDONLY), &of_file) == 0 &&
         of_file.f_fsid == of_tree.f_fsid && of_file.f_blocks == of_tree.f_blocks;
}

static int key(void *call) { return ((key_t (*)(const char *, int))call)("file", 1) != -1; }

static int no_attribute(void *call) {
  char value[16];
  long result = ((ssize_t (*)(const char *, const char *, void *, size_t))call)("file", "user.vrift", value, sizeof value);
  return fails_with(result, ENODATA) || fails_with(result, ENOTSUP);
}
static int lists_attributes(void *call) {
  char list[1024];
  long result = ((ssize_t (*)(const char *, char *, size_t))call)("file", list, sizeof list);
  return result >= 0 || fails_with(result, ENOTSUP);
}
static int has_handle(void *call) {
  struct file_handle handle = {.handle_bytes = 0};
  int mount;
  typedef int (*asker)(int, const char *, struct file_handle *, int *, int);
  return ((asker)call)(AT_FDCWD, "file", &handle, &mount, 0) == 0 || errno != ENOENT;
}

const struct row attribute_rows[] = {
    {"stat", stat_by_path},
    {"stat64", stat_by_path},
    {"lstat", stat_by_path},
    {"lstat64", stat_by_path},
    {"fstatat", stat_at},
    {"fstatat64", stat_at},
    {"__xstat", stat_by_version},
    {"__xstat64", stat_by_version},
    {"__lxstat", stat_by_version},
    {"__lxstat64", stat_by_version},
    {"__fxstatat", stat_at_by_version},
    {"__fxstatat64", stat_at_by_version},
    {"statx", stat_extended},
    {"fstat", stat_descriptor},
    {"fstat64", stat_descriptor},
    {"__fxstat", stat_descriptor_by_version},
    {"__fxstat64", stat_descriptor_by_version},
    {"access", may_read},
    {"eaccess", may_read},
    {"euidaccess", may_read},
    {"faccessat", may_read_at},
    {"readlink", no_link},
    {"readlinkat", no_link_at},
    {"__readlink_chk", no_link_checked},
    {"__readlinkat_chk", no_link_at_checked},
    {"realpath", resolves},
    {"__realpath_chk", resolves_checked},
    {"canonicalize_file_name", resolves_allocated},
    {"statfs", file_system},
    {"statfs64", file_system},
    {"__statfs", file_system},
    {"statvfs", file_system_posix},
    {"statvfs64", file_system_posix},
    {"pathconf", limit},
    {"fstatfs", file_system_of_descriptor},
    {"fstatfs64", file_system_of_descriptor},
    {"fstatvfs", file_system_of_descriptor_posix},
    {"fstatvfs64", file_system_of_descriptor_posix},
    {"ftok", key},
    {"getxattr", no_attribute},
    {"lgetxattr", no_attribute},
    {"listxattr", lists_attributes},
    {"llistxattr", lists_attributes},
    {"name_to_handle_at", has_handle},
    {NULL, NULL},
};
