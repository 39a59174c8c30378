/* Protect: a file below a directory that no link led out of, and the immutable attribute. */
#include "addon.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* O_PATH: nothing is done to what is opened (a device, a FIFO) before the caller has looked what it is. */
napi_value vrift_js_open_beneath(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  int directory;
  if (!vrift_arguments(env, info, 2, arguments) || !vrift_int_argument(env, arguments[0], &directory)) return NULL;
  char *path = vrift_path_argument(env, arguments[1]);
  if (!path) return NULL;
  struct open_how how = {
      .flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
      .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
  };
  long fd;
  /* EAGAIN: something was renamed meanwhile, and the kernel could not tell that it stayed below. */
  for (int attempt = 0;; attempt++) {
    fd = syscall(SYS_openat2, directory, path, &how, sizeof how);
    if (fd >= 0 || (errno != EAGAIN && errno != EINTR) || attempt == 100) break;
  }
  napi_value result;
  if (fd < 0)
    result = vrift_throw(env, errno, "openat2", path);
  else
    napi_create_int32(env, (int)fd, &result);
  free(path);
  return result;
}

/* False: this file system has no such attribute, or this process may not change it. */
napi_value vrift_js_set_immutable(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  int fd, flags;
  bool immutable;
  if (!vrift_arguments(env, info, 2, arguments) || !vrift_int_argument(env, arguments[0], &fd)) return NULL;
  if (napi_get_value_bool(env, arguments[1], &immutable) != napi_ok)
    return vrift_throw(env, EINVAL, "ioctl FS_IOC_SETFLAGS", NULL);
  if (ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0) {
    int wanted = immutable ? flags | FS_IMMUTABLE_FL : flags & ~FS_IMMUTABLE_FL;
    if (wanted == flags || ioctl(fd, FS_IOC_SETFLAGS, &wanted) == 0) return vrift_bool(env, true);
  }
  if (errno == EPERM || errno == EACCES || errno == ENOTTY || errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL)
    return vrift_bool(env, false);
  return vrift_throw(env, errno, "ioctl FS_IOC_SETFLAGS", NULL);
}
