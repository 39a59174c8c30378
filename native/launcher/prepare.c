#include "prepare.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "environment.h"
#include "note.h"

enum { ANSWER_MAX = 1 << 20, EXIT_FAILED = 125 };

static void close_from(int first) {
  if (syscall(SYS_close_range, first, ~0u, 0) == 0) return;
  for (int fd = first, limit = (int)sysconf(_SC_OPEN_MAX); fd < limit; fd++) close(fd);
}

/*
 * In the child. Descriptors 3 and up are closed because the daemon may be started below here and would keep a lock or a
 * jobserver open for ever; the signal mask is emptied because the daemon would inherit it too.
 */
static _Noreturn void become_prepare(int result, pid_t parent, const char *root, int argc, char **argv) {
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(EXIT_FAILED);

  int input = open("/dev/null", O_RDWR);
  if (input < 0 || dup2(input, STDIN_FILENO) < 0 || dup2(result, STDOUT_FILENO) < 0) _exit(EXIT_FAILED);
  if (fcntl(STDERR_FILENO, F_GETFD) < 0) dup2(input, STDERR_FILENO);
  close_from(3);

  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);

  char script[PATH_MAX + 32];
  snprintf(script, sizeof script, "%s/dist/src/cli/main.js", root);
  char **arguments = calloc((size_t)argc + 3, sizeof *arguments);
  if (arguments == NULL) _exit(EXIT_FAILED);
  arguments[0] = "node";
  arguments[1] = script;
  arguments[2] = "run-prepare";
  for (int i = 2; i < argc; i++) arguments[i + 1] = argv[i];
  unsetenv("NODE_OPTIONS");
  leave_outer_run();
  execvp("node", arguments);
  note("ENOENT: node cannot be started: %s", strerror(errno));
  _exit(EXIT_FAILED);
}

/* Reads until `end` or the end of the pipe, whichever is first. */
static void read_answer(int fd, struct answer *answer) {
  size_t capacity = 0;
  for (;;) {
    if (answer->length + 1 >= capacity) {
      capacity = capacity == 0 ? 16384 : capacity * 2;
      char *grown = capacity > ANSWER_MAX ? NULL : realloc(answer->text, capacity);
      if (grown == NULL) return;
      answer->text = grown;
    }
    ssize_t got = read(fd, answer->text + answer->length, capacity - answer->length - 1);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return;
    answer->length += (size_t)got;
    answer->text[answer->length] = 0;
    static const char terminator[] = "\0end";
    if (answer->length >= 5 && memcmp(answer->text + answer->length - 5, terminator, 5) == 0) {
      answer->ended = 1;
      return;
    }
  }
}

/* A child that was asked to end takes us along; where the caller made us ignore that signal, we go on. */
static void follow_signal(int status) {
  if (!WIFSIGNALED(status)) return;
  int signal = WTERMSIG(status);
  if (signal == SIGINT || signal == SIGTERM || signal == SIGHUP || signal == SIGQUIT) raise(signal);
}

void prepare(const char *root, int argc, char **argv, struct answer *answer) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return;
  pid_t parent = getpid();
  pid_t child = fork();
  if (child == 0) {
    /* Above the standard descriptors, which the caller may have closed. */
    int result = fcntl(ends[1], F_DUPFD, 3);
    become_prepare(result, parent, root, argc, argv);
  }
  close(ends[1]);
  if (child > 0) {
    read_answer(ends[0], answer);
    /* All is said: Node's own tear-down would only cost the user milliseconds. */
    if (answer->ended) kill(child, SIGKILL);
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
    if (!answer->ended) follow_signal(status);
  }
  close(ends[0]);
}

const char *answer_field(const struct answer *answer, const char *name) {
  size_t n = strlen(name);
  for (size_t at = 0; at < answer->length; at += strlen(answer->text + at) + 1) {
    const char *text = answer->text + at;
    if (strncmp(text, name, n) == 0 && text[n] == '=') return text + n + 1;
  }
  return NULL;
}
