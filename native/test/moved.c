/*
 *   moved readdir|getdents DIRECTORY FILE
 *
 * Tells some names of DIRECTORY and what fstat says of FILE in it, "half", waits for a line, and tells the other names and fstat again.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SOME 5

static void name(const char *text) {
  if (strcmp(text, ".") != 0 && strcmp(text, "..") != 0) printf("name %s\n", text);
}

static void facts(int fd) {
  struct stat st;
  char byte;
  if (fstat(fd, &st) != 0 || pread(fd, &byte, 1, 0) != 1) exit(3);
  printf("file %lu %lu %o %ld.%ld %c\n", st.st_ino, st.st_size, st.st_mode, st.st_mtim.tv_sec, st.st_mtim.tv_nsec, byte);
}

static void wait_for_line(void) {
  char line[64];
  puts("half");
  fflush(stdout);
  if (!fgets(line, sizeof line, stdin)) exit(4);
}

int main(int count, char **words) {
  if (count != 4) return 2;
  DIR *stream = opendir(words[2]);
  int file = openat(dirfd(stream), words[3], O_RDONLY), told = 0;
  if (file < 0) return 5;
  facts(file);
  if (strcmp(words[1], "readdir") == 0) {
    for (struct dirent *record; (record = readdir(stream));) {
      name(record->d_name);
      if (++told == SOME) wait_for_line();
    }
  } else {
    int fd = open(words[2], O_RDONLY | O_DIRECTORY);
    char buffer[200];
    for (long size; (size = syscall(SYS_getdents64, fd, buffer, sizeof buffer)) > 0;) {
      for (char *at = buffer, *end = buffer + size; at < end;) {
        unsigned short length;
        memcpy(&length, at + offsetof(struct dirent64, d_reclen), sizeof length);
        name(at + offsetof(struct dirent64, d_name));
        at += length;
      }
      if (++told == 2) wait_for_line();
    }
  }
  facts(file);
  return 0;
}
