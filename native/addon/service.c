/* What a process owes to whoever supervises it: sd_listen_fds(3) and sd_notify(3), without their library. */
#include "addon.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static bool is_listening_stream(int fd) {
  int type = 0, listens = 0;
  socklen_t size = sizeof type;
  if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_STREAM) return false;
  size = sizeof listens;
  return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens != 0;
}

napi_value vrift_js_listening_path(napi_env env, napi_callback_info info) {
  napi_value argument, result;
  int fd;
  if (!vrift_arguments(env, info, 1, &argument) || !vrift_int_argument(env, argument, &fd)) return NULL;
  struct sockaddr_un address = {0};
  /* A name of 108 bytes has no room for its NUL. */
  socklen_t size = sizeof address - 1;
  if (getsockname(fd, (struct sockaddr *)&address, &size) != 0) return vrift_throw(env, errno, "getsockname", NULL);
  if (address.sun_family != AF_UNIX || address.sun_path[0] != '/' || !is_listening_stream(fd))
    return vrift_throw(env, EINVAL, "getsockname", NULL);
  napi_create_string_utf8(env, address.sun_path, NAPI_AUTO_LENGTH, &result);
  return result;
}

/* Never waits: a supervisor that does not read is told nothing. */
static int send_to(const char *name, const char *text) {
  struct sockaddr_un to = {.sun_family = AF_UNIX};
  size_t length = strlen(name);
  if (length == 0 || length >= sizeof to.sun_path || (name[0] != '/' && name[0] != '@')) return EINVAL;
  memcpy(to.sun_path, name, length);
  if (name[0] == '@') to.sun_path[0] = 0;
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return errno;
  socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (name[0] == '/'));
  ssize_t sent = sendto(fd, text, strlen(text), MSG_NOSIGNAL, (const struct sockaddr *)&to, size);
  int error = sent < 0 ? errno : 0;
  close(fd);
  return error;
}

napi_value vrift_js_notify_socket(napi_env env, napi_callback_info info) {
  napi_value arguments[2], result = NULL;
  if (!vrift_arguments(env, info, 2, arguments)) return NULL;
  char *name = vrift_path_argument(env, arguments[0]);
  char *text = name ? vrift_path_argument(env, arguments[1]) : NULL;
  if (text) {
    int error = send_to(name, text);
    result = error ? vrift_throw(env, error, "sendto", name) : vrift_undefined(env);
  }
  free(name);
  free(text);
  return result;
}
