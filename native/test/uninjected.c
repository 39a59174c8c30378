/*
 * A program that no library is in: static, without libc. Appends a byte to the file of its argument; without one to each file that its
 * input names (ended by NUL), and then writes a byte to its output.
 */
#include <asm/unistd.h>
#include <linux/fcntl.h>

static long call(long n, long a, long b, long c) {
  long result;
  __asm__ volatile("syscall" : "=a"(result) : "a"(n), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
  return result;
}

__asm__(".globl _start\n_start: mov %rsp, %rdi\n and $-16, %rsp\n call begin\n");

static void append(const char *name) {
  long fd = call(__NR_open, (long)name, O_WRONLY | O_APPEND, 0);
  if (fd < 0) return;
  call(__NR_write, fd, (long)"u", 1);
  call(__NR_close, fd, 0, 0);
}

__attribute__((used, noreturn)) void begin(const long *stack) {
  char name[4096];
  long length = 0;
  if (stack[0] > 1) append((const char *)stack[2]);
  while (stack[0] == 1 && length < (long)sizeof name && call(__NR_read, 0, (long)(name + length), 1) == 1) {
    if (name[length++] != 0) continue;
    append(name);
    call(__NR_write, 1, (long)"d", 1);
    length = 0;
  }
  call(__NR_exit, 0, 0, 0);
  __builtin_unreachable();
}
