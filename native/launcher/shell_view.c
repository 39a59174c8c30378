#include "shell_view.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ask_daemon.h"
#include "environment.h"
#include "home.h"
#include "known_root.h"

/* What a line of the answer, or LD_PRELOAD, cannot hold. */
static int is_plain_line(const char *text) {
  return strchr(text, '\n') == NULL;
}

/*
 * Nobody waits for it: what the shell starts meanwhile asks the kernel. It opens the project, and starts a daemon where none runs. Nobody
 * is its parent, so the shell is told of no end of a job.
 */
static void open_in_background(const char *installation, const char *root) {
  pid_t child = fork();
  if (child > 0) waitpid(child, NULL, 0);
  if (child != 0) return;
  if (fork() != 0) _exit(0);
  setsid();
  int nothing = open("/dev/null", O_RDWR);
  for (int fd = 0; fd <= STDERR_FILENO; fd++) dup2(nothing, fd);
  syscall(SYS_close_range, STDERR_FILENO + 1, ~0u, 0);
  leave_outer_run();
  char vrift[PATH_MAX + 8];
  snprintf(vrift, sizeof vrift, "%s/vrift", installation);
  execl(vrift, vrift, "run", "--root", root, "--", "true", (char *)NULL);
  _exit(0);
}

void shell_view(const char *installation, const char *entered) {
  char home[PATH_MAX], directory[PATH_MAX], socket[PATH_MAX + 64];
  struct known_root known;
  struct view view = {0};
  struct stat status;
  if (home_directory(home) < 0 || getcwd(directory, sizeof directory) == NULL || directory[0] != '/') return;
  if (!find_known_root(home, directory, &known) || find_library(installation, &view) < 0) return;
  int length = snprintf(view.index, sizeof view.index, "%s/run/%s/index", home, known.id);
  if (length >= (int)sizeof view.index || !is_plain_line(known.root) || !is_plain_line(home)) return;
  /* Of a home with a long path it is elsewhere: then the shell asks again at each prompt. */
  snprintf(socket, sizeof socket, "%s/sockets/%s.sock", home, known.id);
  if (strcmp(entered, known.root) != 0 && stat(socket, &status) != 0) open_in_background(installation, known.root);
  inject(&view);
  const char *preload = getenv("LD_PRELOAD"), *run = getenv("VRIFT_RUN");
  if (preload == NULL || run == NULL || !is_plain_line(preload)) return;
  printf("%s\n%s\n%s\n%s\n%s\n", known.root, socket, preload, view.index, run);
}
