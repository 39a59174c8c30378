#include "uninjected.h"

#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vrift_layout.h"

/* `<directory of the index>/<name>`. */
static int open_beside(const char *index, const char *name, int flags) {
  char path[PATH_MAX];
  const char *slash = strrchr(index, '/');
  if (slash == NULL || snprintf(path, sizeof path, "%.*s/%s", (int)(slash - index), index, name) >= (int)sizeof path) return -1;
  return open(path, flags | O_NOFOLLOW | O_CLOEXEC, 0600);
}

/* As uninjected_begins() of native/inception/own_changes.c. */
void tell_uninjected(const char *index) {
  const size_t size = 8ul * VRIFT_MARK_COUNT;
  char line[32];
  int length = snprintf(line, sizeof line, "+%d\n", (int)getpid());
  int fd = open_beside(index, "uninjected", O_WRONLY | O_CREAT | O_APPEND);
  int told = fd >= 0 && write(fd, line, (size_t)length) == length;
  if (fd >= 0) close(fd);
  fd = open_beside(index, "marks", O_RDWR);
  /* No marks: nobody has an index yet that could be believed. */
  if (fd < 0) return;
  uint64_t *marks = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (marks == MAP_FAILED) return;
  __atomic_fetch_add(&marks[VRIFT_MARK_UNINJECTED], VRIFT_MARK_BEGIN + (told ? VRIFT_MARK_END : 0), __ATOMIC_SEQ_CST);
  munmap(marks, size);
}
