/*
 * faulted OPERATION COUNT FIRST STRIDE: in each of the directories c0, c1, … c<COUNT-1> the operation is done by a process of which one system
 * call fails: in c0 call FIRST, then every STRIDE calls later, counted from where the operation begins, without those that cannot fail. Prints
 * for each directory its name, the number of the call, its error, and what the operation came to (0, or its errno); then "end" and the number of
 * the first directory in which the operation made no such call.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "one_operation.h"

static void fail(const char *what) {
  fprintf(stderr, "faulted: %s: %s\n", what, strerror(errno));
  exit(1);
}

/* What a full, read-only or broken disk says, a quota, or a table without room; 0 for calls that do not fail for such reasons. */
static int fault_of(long call, int turn) {
  static const int full[] = {ENOSPC, EDQUOT, EROFS, EIO}, table[] = {EMFILE, EIO, ENFILE};
  switch (call) {
    case SYS_open:
    case SYS_openat:
    case SYS_openat2:
    case SYS_creat:
    case SYS_dup:
    case SYS_fcntl:
      return table[turn % 3];
    case SYS_write:
    case SYS_pwrite64:
    case SYS_writev:
    case SYS_copy_file_range:
    case SYS_sendfile:
    case SYS_ftruncate:
    case SYS_truncate:
    case SYS_fallocate:
    case SYS_link:
    case SYS_linkat:
    case SYS_symlink:
    case SYS_symlinkat:
    case SYS_mkdir:
    case SYS_mkdirat:
    case SYS_rename:
    case SYS_renameat:
    case SYS_renameat2:
      return full[turn % 4];
    case SYS_unlink:
    case SYS_unlinkat:
    case SYS_rmdir:
    case SYS_chmod:
    case SYS_fchmod:
    case SYS_fchmodat:
    case SYS_utimensat:
    case SYS_fchown:
      return turn % 2 ? EROFS : EIO;
    case SYS_read:
    case SYS_pread64:
    case SYS_stat:
    case SYS_lstat:
    case SYS_fstat:
    case SYS_newfstatat:
    case SYS_statx:
    case SYS_access:
    case SYS_faccessat:
    case SYS_faccessat2:
    case SYS_readlink:
    case SYS_readlinkat:
    case SYS_getdents64:
      return EIO;
    case SYS_mmap:
      return ENOMEM;
    default:
      return 0;
  }
}

static void child(const char *what, int number) {
  char directory[32];
  snprintf(directory, sizeof directory, "c%d", number);
  if (chdir(directory) != 0) fail(directory);
  if (ptrace(PTRACE_TRACEME, 0, 0, 0) != 0) fail("ptrace");
  raise(SIGSTOP);
  int result = operate(what) == 0 ? 0 : errno;
  raise(SIGSTOP);
  _exit(result);
}

static bool is_entry(pid_t pid, long *call) {
  struct __ptrace_syscall_info info;
  if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info) < 0) fail("PTRACE_GET_SYSCALL_INFO");
  *call = (long)info.entry.nr;
  return info.op == PTRACE_SYSCALL_INFO_ENTRY;
}

/* The call is not made: another one is, that does not exist. */
static void instead(pid_t pid, int error) {
  struct user_regs_struct registers;
  int status;
  if (ptrace(PTRACE_GETREGS, pid, 0, &registers) != 0) fail("PTRACE_GETREGS");
  registers.orig_rax = (unsigned long long)-1;
  if (ptrace(PTRACE_SETREGS, pid, 0, &registers) != 0) fail("PTRACE_SETREGS");
  if (ptrace(PTRACE_SYSCALL, pid, 0, 0) != 0 || waitpid(pid, &status, 0) != pid) fail("ptrace");
  if (ptrace(PTRACE_GETREGS, pid, 0, &registers) != 0) fail("PTRACE_GETREGS");
  registers.rax = (unsigned long long)-(long long)error;
  if (ptrace(PTRACE_SETREGS, pid, 0, &registers) != 0) fail("PTRACE_SETREGS");
}

static int result_of(pid_t pid) {
  int status = 0;
  do {
    if (ptrace(PTRACE_CONT, pid, 0, 0) != 0 || waitpid(pid, &status, 0) != pid) fail("ptrace");
  } while (WIFSTOPPED(status) && (WSTOPSIG(status) & ~0x80) != SIGSEGV);
  if (WIFEXITED(status)) return WEXITSTATUS(status);
  fprintf(stderr, "faulted: ended with %x\n", status);
  exit(1);
}

/* False: the operation came to its end without that call. */
static bool run(const char *what, int number, int target) {
  int status, counted = -1;
  pid_t pid = fork();
  if (pid < 0) fail("fork");
  if (pid == 0) child(what, number);
  if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status)) fail("start");
  if (ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL) != 0) fail("ptrace");
  for (;;) {
    long call;
    if (ptrace(PTRACE_SYSCALL, pid, 0, 0) != 0 || waitpid(pid, &status, 0) != pid) fail("ptrace");
    if (!WIFSTOPPED(status) || WSTOPSIG(status) == SIGSTOP) break;
    if (WSTOPSIG(status) != (SIGTRAP | 0x80) || !is_entry(pid, &call)) continue;
    int error = fault_of(call, number);
    if (error == 0 || ++counted < target) continue;
    instead(pid, error);
    printf("c%d %ld %d %d\n", number, call, error, result_of(pid));
    return true;
  }
  kill(pid, SIGKILL);
  waitpid(pid, &status, 0);
  return false;
}

int main(int count, char **words) {
  if (count != 5) return 2;
  for (int number = 0; number < atoi(words[2]); number++) {
    if (run(words[1], number, atoi(words[3]) + number * atoi(words[4]))) continue;
    printf("end %d\n", number);
    return 0;
  }
  errno = E2BIG;
  fail(words[1]);
}
