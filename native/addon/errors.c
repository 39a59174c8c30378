/* Errors as node:fs throws them. */
#include "addon.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* glibc has strerrorname_np only since 2.32. */
#define NAMES(X)                                                                                                         \
  X(EPERM) X(ENOENT) X(EINTR) X(EIO) X(ENXIO) X(E2BIG) X(EBADF) X(EAGAIN) X(ENOMEM) X(EACCES) X(EBUSY) X(EEXIST) X(EXDEV)  \
  X(ENODEV) X(ENOTDIR) X(EISDIR) X(EINVAL) X(ENFILE) X(EMFILE) X(ENOTTY) X(ETXTBSY) X(EFBIG) X(ENOSPC) X(ESPIPE)            \
  X(EROFS) X(EMLINK) X(EPIPE) X(ERANGE) X(EDEADLK) X(ENAMETOOLONG) X(ENOLCK) X(ENOSYS) X(ENOTEMPTY) X(ELOOP) X(EOVERFLOW)   \
  X(EBADMSG) X(EOPNOTSUPP) X(ENOTSOCK) X(ENOTCONN) X(ETIMEDOUT) X(ECANCELED) X(ESTALE) X(EDQUOT) X(ENODATA) X(EOWNERDEAD)

const char *vrift_errno_name(int error) {
  switch (error) {
#define CASE(name)                                                                                                       \
  case name:                                                                                                             \
    return #name;
    NAMES(CASE)
#undef CASE
  }
  return "UNKNOWN";
}

static void set_text(napi_env env, napi_value object, const char *name, const char *text) {
  napi_value value;
  if (napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &value) == napi_ok)
    napi_set_named_property(env, object, name, value);
}

napi_value vrift_make_error(napi_env env, int error, const char *syscall, const char *path) {
  char text[512], reason[128];
  const char *name = vrift_errno_name(error);
  const char *said = strerror_r(error, reason, sizeof reason);
  if (path)
    snprintf(text, sizeof text, "%s: %s, %s '%s'", name, said, syscall, path);
  else
    snprintf(text, sizeof text, "%s: %s, %s", name, said, syscall);
  napi_value code, message, result, number;
  napi_create_string_utf8(env, name, NAPI_AUTO_LENGTH, &code);
  napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &message);
  napi_create_error(env, code, message, &result);
  napi_create_int32(env, -error, &number);
  napi_set_named_property(env, result, "errno", number);
  set_text(env, result, "syscall", syscall);
  if (path) set_text(env, result, "path", path);
  return result;
}

napi_value vrift_throw(napi_env env, int error, const char *syscall, const char *path) {
  napi_throw(env, vrift_make_error(env, error, syscall, path));
  return NULL;
}
