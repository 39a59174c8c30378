/*
 * killed OPERATION COUNT FIRST STRIDE: in each of the directories c0, c1, … c<COUNT-1> the operation is done by a process that is
 * killed: in c0 at stop FIRST, then every STRIDE stops later. A stop is before or after a system call, counted from where the
 * operation begins. Prints the number of the first directory in which it came to its end, and does nothing in those behind it.
 *
 * Marks are added between system calls, so the stops are all the moments that anybody else can tell apart.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "one_operation.h"

static void fail(const char *what) {
  fprintf(stderr, "killed: %s: %s\n", what, strerror(errno));
  exit(1);
}

static void child(const char *what, int number) {
  char directory[32];
  snprintf(directory, sizeof directory, "c%d", number);
  if (chdir(directory) != 0) fail(directory);
  if (ptrace(PTRACE_TRACEME, 0, 0, 0) != 0) fail("ptrace");
  raise(SIGSTOP);
  if (operate(what) != 0) fail(what);
  raise(SIGSTOP);
  _exit(0);
}

/* True when the operation came to its end before its stop. */
static bool run(const char *what, int number, int last) {
  int status;
  pid_t pid = fork();
  if (pid < 0) fail("fork");
  if (pid == 0) child(what, number);
  if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status)) fail("start");
  if (ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL) != 0) fail("ptrace");
  bool done = false;
  /* The first stop is the end of the call that stopped it, the last ones are those of the next. */
  for (int stop = -1; stop < last; stop++) {
    if (ptrace(PTRACE_SYSCALL, pid, 0, 0) != 0 || waitpid(pid, &status, 0) != pid) fail("ptrace");
    if (!WIFSTOPPED(status)) {
      fprintf(stderr, "killed: %s in c%d ended with %x\n", what, number, status);
      exit(1);
    }
    if (WSTOPSIG(status) == SIGSTOP) {
      done = true;
      break;
    }
  }
  kill(pid, SIGKILL);
  if (waitpid(pid, &status, 0) != pid) fail("wait");
  return done;
}

int main(int count, char **words) {
  if (count != 5) return 2;
  for (int number = 0; number < atoi(words[2]); number++) {
    if (!run(words[1], number, atoi(words[3]) + number * atoi(words[4]))) continue;
    printf("%d\n", number);
    return 0;
  }
  errno = E2BIG;
  fail(words[1]);
}
