/*
 * asked [write]: the paths of standard input, each ended by NUL. For each, in order, a line: how many system calls a statx of it made
 * (getcwd left out), errno, mode in octal, size, inode. The library is whichever is in front; it is looked at from outside, by ptrace.
 * `write`: opens each for writing instead, without O_CREAT, and prints nothing.
 * Ends with 77 when ptrace is forbidden.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LIMIT = 100000, MARK = 0x7e57, FORBIDDEN = 77 };

struct answer {
  int code;
  unsigned calls, mode;
  unsigned long long size, ino;
};

static char *paths[LIMIT];
static size_t count;

/* Told from every other call by its number, which the kernel does not have. */
static void mark(void) {
  long result;
  __asm__ volatile("syscall" : "=a"(result) : "a"((long)MARK) : "rcx", "r11", "memory");
}

static void ask(struct answer *answers) {
  struct statx seen;
  /* Where it is, it finds out once. */
  statx(AT_FDCWD, ".", 0, STATX_BASIC_STATS, &seen);
  if (ptrace(PTRACE_TRACEME, 0, 0, 0) != 0) _exit(FORBIDDEN);
  raise(SIGSTOP);
  for (size_t i = 0; i < count; i++) {
    memset(&seen, 0, sizeof seen);
    mark();
    int result = statx(AT_FDCWD, paths[i], 0, STATX_BASIC_STATS, &seen);
    mark();
    answers[i].code = result == 0 ? 0 : errno;
    if (result != 0) continue;
    answers[i].mode = seen.stx_mode;
    answers[i].size = seen.stx_size;
    answers[i].ino = seen.stx_ino;
  }
  _exit(0);
}

/* Counts what the child asks the kernel between two marks. */
static int watch(pid_t child, struct answer *answers) {
  int status;
  size_t at = 0;
  bool between = false, entering = true;
  if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status)) return FORBIDDEN;
  if (ptrace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL) != 0) return FORBIDDEN;
  while (ptrace(PTRACE_SYSCALL, child, 0, 0) == 0 && waitpid(child, &status, 0) == child) {
    if (WIFEXITED(status)) return WEXITSTATUS(status);
    if (!WIFSTOPPED(status) || WSTOPSIG(status) != (SIGTRAP | 0x80)) return 1;
    if (entering) {
      struct user_regs_struct registers;
      if (ptrace(PTRACE_GETREGS, child, 0, &registers) != 0) return 1;
      if (registers.orig_rax == MARK) {
        if (between) at++;
        between = !between;
      } else if (between && registers.orig_rax != SYS_getcwd) {
        answers[at].calls++;
      }
    }
    entering = !entering;
  }
  return 1;
}

int main(int argc, char **argv) {
  while (count < LIMIT && getdelim(&paths[count], &(size_t){0}, 0, stdin) > 0) count++;
  if (argc == 2 && strcmp(argv[1], "write") == 0) {
    for (size_t i = 0; i < count; i++) {
      int fd = open(paths[i], O_WRONLY);
      if (fd >= 0) close(fd);
    }
    return 0;
  }
  struct answer *answers =
      mmap(NULL, LIMIT * sizeof *answers, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (answers == MAP_FAILED) return 1;
  pid_t child = fork();
  if (child == 0) ask(answers);
  int result = watch(child, answers);
  if (result != 0) return result;
  for (size_t i = 0; i < count; i++)
    printf("%u %d %o %llu %llu\n", answers[i].calls, answers[i].code, answers[i].mode, answers[i].size, answers[i].ino);
  return 0;
}
