/*
 * agree DIRECTORY: paths on stdin, each ended by NUL; for each of them what the calls that read say, in one line. A path that
 * begins with `@` is asked for below a descriptor of DIRECTORY, without the `@`.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void say(const char *call, int result, const struct stat *st) {
  if (result != 0)
    printf(" %s:%s", call, strerrorname_np(errno));
  else if (st && S_ISREG(st->st_mode))
    printf(" %s:%o,%lld,%lld", call, st->st_mode, (long long)st->st_size, (long long)st->st_mtime);
  else if (st)
    printf(" %s:%o", call, st->st_mode);
  else
    printf(" %s:ok", call);
}

int main(int count, char **words) {
  char *path = NULL, text[4096];
  size_t room = 0;
  int directory = count == 2 ? open(words[1], O_RDONLY | O_DIRECTORY) : -1;
  if (directory < 0) return 2;
  while (getdelim(&path, &room, 0, stdin) > 0) {
    int at = path[0] == '@' ? directory : AT_FDCWD;
    const char *name = path[0] == '@' ? path + 1 : path;
    struct stat st;
    say("stat", fstatat(at, name, &st, 0), &st);
    say("lstat", fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW), &st);
    say("access", faccessat(at, name, R_OK, 0), NULL);
    ssize_t size = readlinkat(at, name, text, sizeof text);
    say("readlink", size < 0 ? -1 : 0, NULL);
    int fd = openat(at, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    say("open", fd < 0 ? -1 : 0, NULL);
    if (fd >= 0) {
      size = read(fd, text, 20);
      if (size >= 0) printf(" \"%.*s\"", (int)strcspn(text, "\n") < size ? (int)strcspn(text, "\n") : (int)size, text);
      close(fd);
    }
    puts("");
  }
  return 0;
}
