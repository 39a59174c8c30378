#ifndef VRIFT_TEST_ONE_OPERATION_H
#define VRIFT_TEST_ONE_OPERATION_H

/* One change to a directory with f, g, sub/x and sub/deep/y, by its name; -1 and errno as the call itself. For killed.c and faulted.c. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static inline int opened(const char *name, int flags) {
  int fd = open(name, flags | O_CLOEXEC, 0640);
  return fd < 0 ? -1 : close(fd);
}

static inline int operate(const char *what) {
  const struct timespec times[2] = {{1500000000, 0}, {1500000000, 0}};
  if (strcmp(what, "chmod") == 0) return chmod("f", 0600);
  if (strcmp(what, "open") == 0) return opened("f", O_WRONLY | O_APPEND);
  if (strcmp(what, "empty") == 0) return opened("f", O_WRONLY | O_TRUNC);
  if (strcmp(what, "truncate") == 0) return truncate("f", 3);
  if (strcmp(what, "utimens") == 0) return utimensat(AT_FDCWD, "f", times, 0);
  if (strcmp(what, "unlink") == 0) return unlink("f");
  if (strcmp(what, "create") == 0) return opened("new", O_WRONLY | O_CREAT | O_EXCL);
  if (strcmp(what, "mkdir") == 0) return mkdir("new", 0750);
  if (strcmp(what, "link") == 0) return link("f", "new");
  if (strcmp(what, "rename") == 0) return rename("f", "new");
  if (strcmp(what, "replace") == 0) return rename("f", "g");
  if (strcmp(what, "exchange") == 0) return renameat2(AT_FDCWD, "f", AT_FDCWD, "g", RENAME_EXCHANGE);
  if (strcmp(what, "rename-directory") == 0) return rename("sub", "new");
  if (strcmp(what, "into-directory") == 0) return rename("f", "sub/x");
  errno = EINVAL;
  return -1;
}

#endif
