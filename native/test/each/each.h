/*
 * One case per intercepted call (docs/interception.md). A case is given the function the symbol resolves to, works in a directory
 * with the virtual files `file`, `same` (both "content\n"), `other` ("another\n"), `dir/inner` and the directory `away`, and
 * says whether the call did what it does on a plain file system. Everything else it calls is intercepted too.
 */
#ifndef VRIFT_EACH_H
#define VRIFT_EACH_H

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CONTENT "content\n"
#define CONTENT_SIZE 8

/* The case cannot be tried here (rights that are missing); a plain tree says the same. */
#define CANNOT 77

struct row {
  const char *symbol;
  int (*check)(void *call); /* 1: right, 0: wrong, or CANNOT */
};

extern const struct row attribute_rows[], opening_rows[], directory_rows[], walk_rows[], name_rows[], change_rows[],
    descriptor_rows[], place_rows[], program_rows[];

/* This program's own path, for rows that start it again. */
extern char self[PATH_MAX];

static inline bool fails_with(long result, int code) { return result == -1 && errno == code; }

static inline bool reads_content(int fd) {
  char text[64];
  bool right = fd >= 0 && read(fd, text, sizeof text) == CONTENT_SIZE && memcmp(text, CONTENT, CONTENT_SIZE) == 0;
  if (fd >= 0) close(fd);
  return right;
}

static inline long size_of(const char *path) {
  struct stat st;
  return stat(path, &st) == 0 ? (long)st.st_size : -1;
}

static inline bool is_absent(const char *path) {
  struct stat st;
  return fails_with(stat(path, &st), ENOENT);
}

/* By the kernel's own word, past the library: is the descriptor the file that is at the path? */
static inline long kernel(long number, long a, long b, long c, long d) {
  long result;
  register long r10 __asm__("r10") = d;
  __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10) : "rcx", "r11", "memory");
  return result;
}
static inline bool is_the_file(int fd, const char *path) {
  struct stat by_name, by_descriptor;
  return kernel(SYS_newfstatat, AT_FDCWD, (long)path, (long)&by_name, 0) == 0 &&
         kernel(SYS_fstat, fd, (long)&by_descriptor, 0, 0) == 0 && by_name.st_ino == by_descriptor.st_ino &&
         by_name.st_dev == by_descriptor.st_dev;
}

#endif
