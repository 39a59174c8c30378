#include "ask_daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "environment.h"
#include "home.h"

/* A workspace that is open answers in one; opening a large one is the long way's business, which has a terminal to tell. */
enum { PATIENCE_MS = 1000 };

/* As socketDirectory() in src/platform/paths.ts, for homes whose sockets are in them. */
static int control_address(struct sockaddr_un *address) {
  char home[PATH_MAX];
  if (home_directory(home) < 0) return -1;
  size_t longest = strlen(home) + strlen("/sockets/") + 37;
  if (longest >= sizeof address->sun_path) return -1;
  memset(address, 0, sizeof *address);
  address->sun_family = AF_UNIX;
  snprintf(address->sun_path, sizeof address->sun_path, "%s/sockets/control.sock", home);
  return 0;
}

/* Non-blocking: a daemon that does not accept leaves its queue full, which the kernel says at once. */
static int connect_daemon(enum asked *failure) {
  struct sockaddr_un address;
  if (control_address(&address) < 0) return -1;
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -1;
  struct ucred peer;
  socklen_t size = sizeof peer;
  if (connect(fd, (const struct sockaddr *)&address, sizeof address) < 0) {
    if (errno == ENOENT || errno == ECONNREFUSED) *failure = NOBODY_LISTENS;
  } else if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == geteuid()) {
    return fd;
  }
  close(fd);
  return -1;
}

/* Text that stands in JSON as it is: bytes that are not UTF-8 would name another file on the other side. */
static int is_plain(const char *text) {
  for (; *text != 0; text++)
    if ((unsigned char)*text < 0x20 || (unsigned char)*text > 0x7e || *text == '"' || *text == '\\') return 0;
  return 1;
}

static int read_build(const char *root, char *build, size_t size) {
  char path[PATH_MAX + 16];
  snprintf(path, sizeof path, "%s/build/stamp", root);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  ssize_t got = read(fd, build, size - 1);
  close(fd);
  if (got <= 0) return -1;
  build[got] = 0;
  build[strcspn(build, "\n")] = 0;
  return 0;
}

/* 0 when the whole line was sent; it fits into any socket's buffer. */
static int send_question(int fd, const char *root) {
  char from[PATH_MAX], build[64], line[3 * PATH_MAX];
  const char *user_home = getenv("HOME");
  if (user_home == NULL || getcwd(from, sizeof from) == NULL || from[0] != '/') return -1;
  if (read_build(root, build, sizeof build) < 0) return -1;
  if (!is_plain(from) || !is_plain(user_home) || !is_plain(build) || strlen(user_home) >= PATH_MAX) return -1;
  int length = snprintf(line, sizeof line, "{\"op\":\"view\",\"from\":\"%s\",\"userHome\":\"%s\",\"build\":\"%s\"}\n", from,
                        user_home, build);
  return send(fd, line, (size_t)length, MSG_NOSIGNAL) == length ? 0 : -1;
}

/* The reply's line without its newline; -1 when it does not come in time or is too long. */
static int read_line(int fd, char *line, size_t size) {
  size_t length = 0;
  for (;;) {
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    int ready = poll(&wait, 1, PATIENCE_MS);
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return -1;
    ssize_t got = recv(fd, line + length, size - 1 - length, 0);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got <= 0) return -1;
    length += (size_t)got;
    if (line[length - 1] == '\n') {
      line[length - 1] = 0;
      return 0;
    }
    if (length + 1 >= size) return -1;
  }
}

/* `{"ok":true,"index":"PATH","kind":"phantom"}`, in this order and nothing else. */
static int parse_reply(char *line, struct view *view) {
  static const char before[] = "{\"ok\":true,\"index\":\"", between[] = "\",\"kind\":\"";
  if (strncmp(line, before, sizeof before - 1) != 0) return -1;
  char *index = line + sizeof before - 1;
  size_t length = strcspn(index, "\"\\");
  if (strncmp(index + length, between, sizeof between - 1) != 0 || length == 0 || length >= sizeof view->index) return -1;
  const char *kind = index + length + sizeof between - 1;
  view->phantom = strcmp(kind, "phantom\"}") == 0;
  if (!view->phantom && strcmp(kind, "solid\"}") != 0) return -1;
  memcpy(view->index, index, length);
  view->index[length] = 0;
  return 0;
}

int find_library(const char *root, struct view *view) {
  int length = snprintf(view->preload, sizeof view->preload, "%s/build/native/%s", root, LIBRARY_NAME);
  if (length >= (int)sizeof view->preload || strpbrk(view->preload, " \t\n\v\f\r:$") != NULL) return -1;
  return access(view->preload, R_OK);
}

enum asked ask_daemon(const char *root, struct view *view) {
  char line[2 * PATH_MAX];
  enum asked failure = NO_VIEW;
  if (find_library(root, view) < 0) return NO_VIEW;
  int fd = connect_daemon(&failure);
  if (fd < 0) return failure;
  int answered = send_question(fd, root) == 0 && read_line(fd, line, sizeof line) == 0;
  close(fd);
  return answered && parse_reply(line, view) == 0 ? VIEW_FOUND : NO_VIEW;
}
