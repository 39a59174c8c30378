/*
 * Something else happens in the middle, and at no other moment:
 *
 *   held entry|exit NUMBER TEXT COMMAND PROGRAM ...   runs PROGRAM; at its first system call NUMBER whose second argument is the
 *                                                     text TEXT, before or after the kernel did it, the shell runs COMMAND
 *   held descriptors FILE GONE COMMAND                opens both for reading, runs COMMAND, and changes both by descriptor
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static void fail(const char *what) {
  fprintf(stderr, "held: %s: %s\n", what, strerror(errno));
  exit(99);
}

static void run(const char *command) {
  if (system(command) != 0) fail(command);
}

static bool same_text(pid_t pid, unsigned long long address, const char *text) {
  char found[256];
  size_t size = strlen(text) + 1;
  struct iovec here = {found, size}, there = {(void *)(uintptr_t)address, size};
  return size <= sizeof found && process_vm_readv(pid, &here, 1, &there, 1, 0) == (ssize_t)size &&
         memcmp(found, text, size) == 0;
}

static int call(char **words) {
  bool at_exit = strcmp(words[0], "exit") == 0, matched = false, done = false;
  unsigned long long number = strtoull(words[1], NULL, 10);
  int status, signal = 0;
  pid_t pid = fork();
  if (pid == 0) {
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    raise(SIGSTOP);
    execvp(words[4], words + 4);
    fail(words[4]);
  }
  if (pid < 0 || waitpid(pid, &status, 0) != pid) fail("fork");
  if (ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL) != 0) fail("ptrace");
  for (;;) {
    struct __ptrace_syscall_info info;
    if (ptrace(PTRACE_SYSCALL, pid, 0, signal) != 0 || waitpid(pid, &status, 0) != pid) fail("ptrace");
    if (WIFEXITED(status)) break;
    if (WIFSIGNALED(status)) fail("killed");
    signal = WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);
    if (WSTOPSIG(status) != (SIGTRAP | 0x80)) continue;
    signal = 0;
    if (done || ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info) <= 0) continue;
    if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
      matched = info.entry.nr == number && same_text(pid, info.entry.args[1], words[2]);
    if (!matched || (info.op == PTRACE_SYSCALL_INFO_EXIT) != at_exit) continue;
    done = true;
    run(words[3]);
  }
  if (!done) fail("the call was not made");
  return WEXITSTATUS(status);
}

static void show(const char *what, int fd) {
  struct stat st;
  char byte;
  if (fstat(fd, &st) != 0 || pread(fd, &byte, 1, 0) != 1) fail(what);
  printf("%s %o %ld\n", what, st.st_mode & 07777, (long)st.st_mtime);
}

static int descriptors(const char *file, const char *gone, const char *command) {
  const struct timespec times[2] = {{1000, 0}, {2000, 0}};
  int fds[2] = {open(file, O_RDONLY), open(gone, O_RDONLY)};
  if (fds[0] < 0 || fds[1] < 0) fail("open");
  run(command);
  for (int i = 0; i < 2; i++) {
    if (flock(fds[i], LOCK_EX | LOCK_NB) != 0) fail("flock");
    if (fchmod(fds[i], 0640) != 0 || futimens(fds[i], times) != 0) fail("fchmod, futimens");
  }
  show("file", fds[0]);
  show("gone", fds[1]);
  struct stat st;
  int again = open(file, O_RDONLY);
  if (again < 0 || stat(file, &st) != 0) fail(file);
  printf("by name %o %ld, lock %s\n", st.st_mode & 07777, (long)st.st_mtime,
         flock(again, LOCK_EX | LOCK_NB) == 0 ? "not held" : "held");
  return 0;
}

int main(int count, char **words) {
  if (count == 5 && strcmp(words[1], "descriptors") == 0) return descriptors(words[2], words[3], words[4]);
  if (count < 6) return 2;
  return call(words + 1);
}
