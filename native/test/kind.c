/*
 * kind: what a program sees of the virtual files `file`, `changed` and `read` in its directory, in one line; compiled in every way there is
 * (test/inception/kinds.test.ts). Plain C, so that any compiler and libc will do.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int main(void) {
  struct stat by_name, by_descriptor;
  char text[64], line[64] = "";
  int names = 0;
  if (stat("file", &by_name) != 0) {
    printf("unseen: %s, user %d\n", strerror(errno), (int)geteuid());
    return 0;
  }
  int fd = open("file", O_RDONLY);
  long size = read(fd, text, sizeof text);
  int same = fstat(fd, &by_descriptor) == 0 && by_descriptor.st_ino == by_name.st_ino && size == by_name.st_size;
  DIR *listing = opendir(".");
  for (struct dirent *record; listing && (record = readdir(listing));) names += record->d_name[0] != '.';
  if (listing) closedir(listing);
  int writing = open("changed", O_WRONLY | O_APPEND);
  int wrote = writing >= 0 && write(writing, "x", 1) == 1;
  FILE *stream = fopen("read", "r");
  int has_line = stream && fgets(line, sizeof line, stream) && strcmp(line, "read\n") == 0;
  if (stream) fclose(stream);
  printf("seen: %ld bytes, %d names, %s, absent %d\n", size, names, same && wrote && has_line ? "right" : "WRONG", access("none", F_OK));
  return 0;
}
