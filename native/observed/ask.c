/*
 * vrift-ask: what a program sees at the paths of standard input, each ended by NUL. One statx for each, in order, and a line:
 *   ERRNO MODE SIZE INODE MTIME_SECONDS MTIME_NANOSECONDS     all zero after an errno; MODE in octal
 * `vrift explain` starts it with the observed library (docs/observing.md), whose trace says who answered.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int main(void) {
  char *path = NULL;
  size_t space = 0;
  while (getdelim(&path, &space, 0, stdin) > 0) {
    struct statx seen;
    memset(&seen, 0, sizeof seen);
    int code = statx(AT_FDCWD, path, 0, STATX_BASIC_STATS, &seen) == 0 ? 0 : errno;
    printf("%d %o %llu %llu %lld %u\n", code, seen.stx_mode, (unsigned long long)seen.stx_size,
           (unsigned long long)seen.stx_ino, (long long)seen.stx_mtime.tv_sec, seen.stx_mtime.tv_nsec);
  }
  free(path);
  return ferror(stdin) || fflush(stdout) != 0;
}
