#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../inception/elf_check.h"
#include "note.h"

enum { EXIT_NOT_EXECUTABLE = 126, EXIT_NOT_FOUND = 127 };

/* The file execvp will find, for the look at it only. */
static int find_command(const char *name, char *path, size_t size) {
  if (strchr(name, '/') != NULL) return snprintf(path, size, "%s", name) < (int)size ? 0 : -1;
  const char *search = getenv("PATH");
  if (search == NULL) search = "/bin:/usr/bin";
  for (;;) {
    int length = (int)strcspn(search, ":");
    int written = snprintf(path, size, "%.*s%s%s", length, search, length == 0 ? "" : "/", name);
    if (written < (int)size && access(path, X_OK) == 0) return 0;
    if (search[length] == 0) return -1;
    search += length + 1;
  }
}

/* Follows `#!` as the kernel does. What `env` and its like start in turn is the library's to tell. */
static int is_static_program(const char *path) {
  uint8_t head[ELF_CHECK_BYTES];
  char interpreter[PATH_MAX];
  for (int level = 0; level < 5; level++) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return 0;
    ssize_t got = pread(fd, head, sizeof head, 0);
    close(fd);
    if (got <= 0) return 0;
    enum elf_check kind = elf_check(head, (size_t)got);
    if (kind != ELF_SCRIPT) return kind == ELF_STATIC;
    if (elf_check_interpreter(head, (size_t)got, interpreter, sizeof interpreter) == 0) return 0;
    path = interpreter;
  }
  return 0;
}

int is_static_command(const char *name) {
  char path[PATH_MAX];
  return find_command(name, path, sizeof path) == 0 && is_static_program(path);
}

void warn_when_static(const char *name) {
  if (!is_static_command(name)) return;
  note("%s is statically linked and sees only the files that are really there; run it with: vrift run --hydrate -- %s",
       name, name);
}

_Noreturn void become_command(char **command) {
  execvp(command[0], command);
  int reason = errno;
  if (reason == ENOENT) {
    note("ENOENT: %s: no such command", command[0]);
    exit(EXIT_NOT_FOUND);
  }
  note("EACCES: %s: cannot be executed: %s", command[0], strerror(reason));
  exit(EXIT_NOT_EXECUTABLE);
}
