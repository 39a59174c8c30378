/* putFile: a small file from bytes in memory, in one call: it appears with its content, mode and times, or not at all. */
#include "addon.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "syscalls.h"

struct facts {
  uint32_t mode;
  int64_t atime, mtime;
};

static bool read_facts(napi_env env, napi_value object, struct facts *out) {
  napi_value mode, atime, mtime;
  return vrift_property(env, object, "mode", &mode) && vrift_u32_argument(env, mode, &out->mode) &&
         vrift_property(env, object, "atimeNs", &atime) && vrift_i64_argument(env, atime, &out->atime) &&
         vrift_property(env, object, "mtimeNs", &mtime) && vrift_i64_argument(env, mtime, &out->mtime);
}

/* 0 or an errno; the call that failed is in *what. */
static int write_all(int fd, const uint8_t *bytes, size_t length, const char **what) {
  *what = "write";
  while (length > 0) {
    ssize_t written = write(fd, bytes, length);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    bytes += written;
    length -= (size_t)written;
  }
  return 0;
}

static int fill(int fd, const uint8_t *bytes, size_t length, const struct facts *facts, const char **what) {
  struct timespec times[2] = {vrift_timespec(facts->atime), vrift_timespec(facts->mtime)};
  int error = write_all(fd, bytes, length, what);
  if (error) return error;
  *what = "fchmod";
  if (fchmod(fd, facts->mode) != 0) return errno;
  *what = "futimens";
  return futimens(fd, times) == 0 ? 0 : errno;
}

static int publish(int fd, const char *to, const char **what) {
  char from[40];
  *what = "linkat";
  /* AT_EMPTY_PATH would need CAP_DAC_READ_SEARCH. */
  snprintf(from, sizeof from, "/proc/self/fd/%d", fd);
  return linkat(AT_FDCWD, from, AT_FDCWD, to, AT_SYMLINK_FOLLOW) == 0 ? 0 : errno;
}

static napi_value put(napi_env env, const char *directory, const char *to, const uint8_t *bytes, size_t length,
                      const struct facts *facts) {
  int fd = open(directory, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
  if (fd < 0) {
    if (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL) return vrift_bool(env, false);
    return vrift_throw(env, errno, "open", directory);
  }
  const char *what;
  int error = fill(fd, bytes, length, facts, &what);
  if (!error) error = publish(fd, to, &what);
  close(fd);
  return error ? vrift_throw(env, error, what, to) : vrift_bool(env, true);
}

napi_value vrift_js_put_file(napi_env env, napi_callback_info info) {
  napi_value arguments[4], result = NULL;
  const uint8_t *bytes;
  size_t length;
  struct facts facts;
  if (!vrift_arguments(env, info, 4, arguments) || !vrift_bytes_argument(env, arguments[1], &bytes, &length) ||
      !read_facts(env, arguments[3], &facts))
    return NULL;
  char *directory = vrift_path_argument(env, arguments[0]);
  char *to = directory ? vrift_path_argument(env, arguments[2]) : NULL;
  if (to) result = put(env, directory, to, bytes, length, &facts);
  free(directory);
  free(to);
  return result;
}
