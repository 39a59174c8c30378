/* System calls that Node does not have. */
#include "addon.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "syscalls.h"

static void set_number(napi_env env, napi_value object, const char *name, int64_t number) {
  napi_value value;
  napi_create_int64(env, number, &value);
  napi_set_named_property(env, object, name, value);
}

napi_value vrift_js_peer_credentials(napi_env env, napi_callback_info info) {
  napi_value argument, result;
  int fd;
  if (!vrift_arguments(env, info, 1, &argument) || !vrift_int_argument(env, argument, &fd)) return NULL;
  struct ucred peer;
  socklen_t size = sizeof peer;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return vrift_throw(env, errno, "getsockopt", NULL);
  napi_create_object(env, &result);
  set_number(env, result, "pid", peer.pid);
  set_number(env, result, "uid", peer.uid);
  set_number(env, result, "gid", peer.gid);
  return result;
}

napi_value vrift_js_flock(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  int fd, operation, result;
  if (!vrift_arguments(env, info, 2, arguments) || !vrift_int_argument(env, arguments[0], &fd) ||
      !vrift_int_argument(env, arguments[1], &operation))
    return NULL;
  do result = flock(fd, operation);
  while (result != 0 && errno == EINTR);
  if (result != 0 && errno == EWOULDBLOCK) return vrift_bool(env, false);
  return result == 0 ? vrift_bool(env, true) : vrift_throw(env, errno, "flock", NULL);
}

/* The lock of stripe.c: it belongs to the open file, so closing that is how it ends. */
napi_value vrift_js_try_lock_byte(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  uint32_t byte;
  int fd, result;
  if (!vrift_arguments(env, info, 2, arguments) || !vrift_int_argument(env, arguments[0], &fd) ||
      !vrift_u32_argument(env, arguments[1], &byte))
    return NULL;
  struct flock range = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
  do result = fcntl(fd, F_OFD_SETLK, &range);
  while (result != 0 && errno == EINTR);
  if (result != 0 && (errno == EAGAIN || errno == EACCES)) return vrift_bool(env, false);
  return result == 0 ? vrift_bool(env, true) : vrift_throw(env, errno, "fcntl F_OFD_SETLK", NULL);
}

napi_value vrift_js_link_fd(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  int fd;
  char from[40];
  if (!vrift_arguments(env, info, 2, arguments) || !vrift_int_argument(env, arguments[0], &fd)) return NULL;
  char *to = vrift_path_argument(env, arguments[1]);
  if (!to) return NULL;
  /* AT_EMPTY_PATH would need CAP_DAC_READ_SEARCH. */
  snprintf(from, sizeof from, "/proc/self/fd/%d", fd);
  int error = linkat(AT_FDCWD, from, AT_FDCWD, to, AT_SYMLINK_FOLLOW) == 0 ? 0 : errno;
  napi_value result = error ? vrift_throw(env, error, "linkat", to) : vrift_undefined(env);
  free(to);
  return result;
}

napi_value vrift_js_rename_no_replace(napi_env env, napi_callback_info info) {
  napi_value arguments[2], result = NULL;
  if (!vrift_arguments(env, info, 2, arguments)) return NULL;
  char *from = vrift_path_argument(env, arguments[0]);
  char *to = from ? vrift_path_argument(env, arguments[1]) : NULL;
  if (to) {
    int error = renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0 ? 0 : errno;
    /* EEXIST is about the target, anything else is told with the source. */
    result = error ? vrift_throw(env, error, "renameat2", error == EEXIST ? to : from) : vrift_undefined(env);
  }
  free(from);
  free(to);
  return result;
}

napi_value vrift_js_reflink(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  int to, from;
  if (!vrift_arguments(env, info, 2, arguments) || !vrift_int_argument(env, arguments[0], &to) ||
      !vrift_int_argument(env, arguments[1], &from))
    return NULL;
  if (ioctl(to, FICLONE, from) == 0) return vrift_bool(env, true);
  if (errno == EOPNOTSUPP || errno == EXDEV || errno == EINVAL || errno == ENOTTY || errno == ENOSYS)
    return vrift_bool(env, false);
  return vrift_throw(env, errno, "ioctl FICLONE", NULL);
}

/*
 * A read lease is granted only when nobody has the file open for writing. It is dropped at once; whoever opens the file
 * for writing in between waits that long, and the kernel tells us with a signal: SIGURG, which is ignored by default,
 * because SIGIO would end this process.
 */
static napi_value is_refused_lease(napi_env env, napi_callback_info info, int lease) {
  napi_value argument;
  int fd;
  if (!vrift_arguments(env, info, 1, &argument) || !vrift_int_argument(env, argument, &fd)) return NULL;
  if (fcntl(fd, F_GETFD) < 0) return vrift_throw(env, errno, "fcntl", NULL);
  if (fcntl(fd, F_SETSIG, SIGURG) != 0 || fcntl(fd, F_SETLEASE, lease) != 0) return vrift_bool(env, true);
  fcntl(fd, F_SETLEASE, F_UNLCK);
  return vrift_bool(env, false);
}

napi_value vrift_js_has_writer(napi_env env, napi_callback_info info) { return is_refused_lease(env, info, F_RDLCK); }

/* A write lease is granted only when nobody else has the file open at all. */
napi_value vrift_js_has_other(napi_env env, napi_callback_info info) { return is_refused_lease(env, info, F_WRLCK); }

bool vrift_names_count(const char *names, ssize_t length) {
  for (ssize_t at = 0; at < length; at += (ssize_t)strlen(names + at) + 1)
    if (strcmp(names + at, "security.selinux") != 0) return true;
  return false;
}

napi_value vrift_js_has_xattr(napi_env env, napi_callback_info info) {
  napi_value argument;
  static _Thread_local char names[XATTR_LIST_MAX];
  if (!vrift_arguments(env, info, 1, &argument)) return NULL;
  char *path = vrift_path_argument(env, argument);
  if (!path) return NULL;
  ssize_t length = llistxattr(path, names, sizeof names);
  napi_value result;
  if (length < 0 && errno == EOPNOTSUPP)
    result = vrift_bool(env, false);
  else if (length < 0)
    result = vrift_throw(env, errno, "llistxattr", path);
  else
    result = vrift_bool(env, vrift_names_count(names, length));
  free(path);
  return result;
}

struct timespec vrift_timespec(int64_t ns) {
  int64_t seconds = ns / 1000000000, rest = ns % 1000000000;
  if (rest < 0) {
    seconds--;
    rest += 1000000000;
  }
  return (struct timespec){.tv_sec = seconds, .tv_nsec = rest};
}

napi_value vrift_js_set_times(napi_env env, napi_callback_info info) {
  napi_value arguments[3];
  int64_t atime, mtime;
  if (!vrift_arguments(env, info, 3, arguments) || !vrift_i64_argument(env, arguments[1], &atime) ||
      !vrift_i64_argument(env, arguments[2], &mtime))
    return NULL;
  struct timespec times[2] = {vrift_timespec(atime), vrift_timespec(mtime)};
  napi_valuetype type;
  if (napi_typeof(env, arguments[0], &type) == napi_ok && type == napi_number) {
    int fd;
    if (!vrift_int_argument(env, arguments[0], &fd)) return NULL;
    return futimens(fd, times) == 0 ? vrift_undefined(env) : vrift_throw(env, errno, "futimens", NULL);
  }
  char *path = vrift_path_argument(env, arguments[0]);
  if (!path) return NULL;
  int error = utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW) == 0 ? 0 : errno;
  napi_value result = error ? vrift_throw(env, error, "utimensat", path) : vrift_undefined(env);
  free(path);
  return result;
}

napi_value vrift_js_set_process_name(napi_env env, napi_callback_info info) {
  napi_value argument;
  if (!vrift_arguments(env, info, 1, &argument)) return NULL;
  char *name = vrift_path_argument(env, argument);
  if (!name) return NULL;
  prctl(PR_SET_NAME, name, 0, 0, 0);
  free(name);
  return vrift_undefined(env);
}
