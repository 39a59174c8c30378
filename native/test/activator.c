/*
 * What systemd does with a pair of a socket unit and a service of Type=notify, as far as vriftd can see it: listens on paths, starts the
 * program with the sockets as descriptors 3 and up when somebody connects, follows the process that MAINPID= names, and listens again
 * when that has ended.
 *
 * Usage: activator NOTIFY_SOCKET PATH... -- PROGRAM [ARGUMENT...]. Prints "started PID", each notification and "ended PID", a line each.
 * Ends with its standard input.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

enum { SOCKETS_MAX = 4, FIRST_FD = 3, ABOVE = 100 };

static int bound(const char *path, int type) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
  int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
  /* As systemd does: whoever had the name has it no longer. */
  unlink(path);
  if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof address) != 0 || chmod(path, 0600) != 0 ||
      (type == SOCK_STREAM && listen(fd, 128) != 0)) {
    perror(path);
    exit(1);
  }
  return fd;
}

static pid_t start(char **program, const int *sockets, int count, const char *notify, const sigset_t *mask) {
  pid_t pid = fork();
  if (pid != 0) return pid;
  char number[16];
  for (int i = 0; i < count; i++) dup2(sockets[i], ABOVE + i);
  for (int i = 0; i < count; i++) dup2(ABOVE + i, FIRST_FD + i), close(ABOVE + i);
  snprintf(number, sizeof number, "%d", count);
  setenv("LISTEN_FDS", number, 1);
  snprintf(number, sizeof number, "%d", (int)getpid());
  setenv("LISTEN_PID", number, 1);
  setenv("NOTIFY_SOCKET", notify, 1);
  sigprocmask(SIG_SETMASK, mask, NULL);
  execvp(program[0], program);
  perror(program[0]);
  _exit(127);
}

static pid_t told(int notify, pid_t main_process) {
  char text[4096];
  ssize_t length = recv(notify, text, sizeof text - 1, 0);
  if (length <= 0) return main_process;
  text[length] = 0;
  printf("%s\n", text);
  return strncmp(text, "MAINPID=", 8) == 0 ? atoi(text + 8) : main_process;
}

int main(int argc, char **argv) {
  int sockets[SOCKETS_MAX], count = 0, at = 2;
  if (argc < 4) return 2;
  setvbuf(stdout, NULL, _IOLBF, 0);
  int notify = bound(argv[1], SOCK_DGRAM);
  for (; at < argc && strcmp(argv[at], "--") != 0 && count < SOCKETS_MAX; at++) sockets[count++] = bound(argv[at], SOCK_STREAM);
  sigset_t child, before;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  sigprocmask(SIG_BLOCK, &child, &before);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  int ended = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
  pid_t main_process = 0;
  printf("listening\n");
  for (;;) {
    struct pollfd wait[3 + SOCKETS_MAX] = {{.fd = notify, .events = POLLIN}, {.fd = ended, .events = POLLIN}, {.fd = 0, .events = POLLIN}};
    for (int i = 0; i < count; i++) wait[3 + i] = (struct pollfd){.fd = main_process == 0 ? sockets[i] : -1, .events = POLLIN};
    if (poll(wait, (nfds_t)(3 + count), -1) < 0) return 1;
    /* Before the end of a process, what it has said. */
    if (wait[0].revents != 0) {
      main_process = told(notify, main_process);
      continue;
    }
    if (wait[1].revents != 0) {
      struct signalfd_siginfo info;
      while (read(ended, &info, sizeof info) > 0) continue;
      for (pid_t pid; (pid = waitpid(-1, NULL, WNOHANG)) > 0;)
        if (pid == main_process) main_process = 0, printf("ended %d\n", (int)pid);
      continue;
    }
    if (wait[2].revents != 0) return 0;
    if (main_process == 0 && (main_process = start(argv + at + 1, sockets, count, argv[1], &before)) > 0)
      printf("started %d\n", (int)main_process);
  }
}
