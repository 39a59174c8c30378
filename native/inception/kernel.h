/*
 * The kernel without libc: types, constants and system calls. Every raw_* returns what the kernel returns: a value, or
 * -errno. The wrappers of this library turn that into libc's convention with `answer` (errno_slot.h).
 */
#ifndef VRIFT_KERNEL_H
#define VRIFT_KERNEL_H

#ifndef __x86_64__
#error "the injected library speaks the x86_64 system call convention only"
#endif

#include <asm/stat.h>
#include <asm/statfs.h>
#include <asm/unistd.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <linux/stat.h>
#include <linux/time_types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef UTIME_OMIT
#define UTIME_OMIT 0x3ffffffel
#endif
#define PATH_SIZE 4096
#define NAME_LIMIT 255
#define SYMLINK_LIMIT 40

/* linux/stat.h leaves these to libc once any header of glibc was seen. */
#ifndef S_IFMT
#define S_IFMT 0170000
#define S_IFLNK 0120000
#define S_IFREG 0100000
#define S_IFDIR 0040000
#define S_IFIFO 0010000
#endif

typedef long ssize;

struct dirent64 {
  uint64_t d_ino;
  int64_t d_off;
  uint16_t d_reclen;
  uint8_t d_type;
  char d_name[256];
};
#define DIRENT_NAME_OFFSET offsetof(struct dirent64, d_name)
#define DT_UNKNOWN 0
#define DT_DIR 4
#define DT_REG 8

#define PROT_READ 1
#define PROT_WRITE 2
#define MAP_SHARED 1
#define MAP_PRIVATE 2
#define MAP_ANONYMOUS 0x20
#define MADV_WIPEONFORK 18
#ifndef CLOCK_MONOTONIC
#define CLOCK_MONOTONIC 1
#endif
#define SIG_BLOCK 0
#define SIG_SETMASK 2

#ifndef __NR_fchmodat2
#define __NR_fchmodat2 452
#endif

static inline long raw0(long n) {
  long result;
  __asm__ volatile("syscall" : "=a"(result) : "a"(n) : "rcx", "r11", "memory");
  return result;
}
static inline long raw1(long n, long a) {
  long result;
  __asm__ volatile("syscall" : "=a"(result) : "a"(n), "D"(a) : "rcx", "r11", "memory");
  return result;
}
static inline long raw2(long n, long a, long b) {
  long result;
  __asm__ volatile("syscall" : "=a"(result) : "a"(n), "D"(a), "S"(b) : "rcx", "r11", "memory");
  return result;
}
static inline long raw3(long n, long a, long b, long c) {
  long result;
  __asm__ volatile("syscall" : "=a"(result) : "a"(n), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
  return result;
}
static inline long raw4(long n, long a, long b, long c, long d) {
  long result;
  register long r10 __asm__("r10") = d;
  __asm__ volatile("syscall" : "=a"(result) : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10) : "rcx", "r11", "memory");
  return result;
}
static inline long raw5(long n, long a, long b, long c, long d, long e) {
  long result;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
                   : "rcx", "r11", "memory");
  return result;
}
static inline long raw6(long n, long a, long b, long c, long d, long e, long f) {
  long result;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}

static inline bool failed(long result) { return (unsigned long)result > -4096ul; }

static inline long raw_openat(int dirfd, const char *path, int flags, unsigned mode) {
  return raw4(__NR_openat, dirfd, (long)path, flags, mode);
}
static inline long raw_close(int fd) { return raw1(__NR_close, fd); }
static inline long raw_fstat(int fd, struct stat *st) { return raw2(__NR_fstat, fd, (long)st); }
static inline long raw_statat(int dirfd, const char *path, struct stat *st, int flags) {
  return raw4(__NR_newfstatat, dirfd, (long)path, (long)st, flags);
}
static inline long raw_readlinkat(int dirfd, const char *path, char *out, size_t size) {
  return raw4(__NR_readlinkat, dirfd, (long)path, (long)out, (long)size);
}
static inline long raw_faccessat2(int dirfd, const char *path, int mode, int flags) {
  return raw4(__NR_faccessat2, dirfd, (long)path, mode, flags);
}
static inline long raw_read(int fd, void *out, size_t size) { return raw3(__NR_read, fd, (long)out, (long)size); }
static inline long raw_pread(int fd, void *out, size_t size, long at) {
  return raw4(__NR_pread64, fd, (long)out, (long)size, at);
}
static inline long raw_write(int fd, const void *from, size_t size) {
  return raw3(__NR_write, fd, (long)from, (long)size);
}
static inline long raw_fcntl(int fd, int command, long argument) { return raw3(__NR_fcntl, fd, command, argument); }
static inline long raw_unlinkat(int dirfd, const char *path, int flags) {
  return raw3(__NR_unlinkat, dirfd, (long)path, flags);
}
static inline long raw_linkat(int from_fd, const char *from, int to_fd, const char *to, int flags) {
  return raw5(__NR_linkat, from_fd, (long)from, to_fd, (long)to, flags);
}
static inline long raw_getcwd(char *out, size_t size) { return raw2(__NR_getcwd, (long)out, (long)size); }
static inline int raw_getpid(void) { return (int)raw0(__NR_getpid); }

static inline bool is_error(const void *mapped) { return (unsigned long)mapped > -4096ul; }
static inline void *raw_mmap(size_t size, int protection, int flags, int fd) {
  return (void *)raw6(__NR_mmap, 0, (long)size, protection, flags, fd, 0);
}
static inline void raw_munmap(void *at, size_t size) { raw2(__NR_munmap, (long)at, (long)size); }

#endif
