/*
 * operations SEED COUNT: random calls on names of the working directory, one line each with result, errno and what stat
 * says. Run with one seed on a plain tree and on a phantom one, it must print the same.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

static uint64_t state;

static uint32_t pick(uint32_t limit) {
  state = state * 6364136223846793005ull + 1442695040888963407ull;
  return (uint32_t)(state >> 33) % limit;
}

static const char *const names[] = {"a", "b", "c", "d", "e", "f.txt", "sub", "dir", "link", "new"};
#define NAMES (sizeof names / sizeof *names)

/* One to three components, now and then an odd one. */
static const char *path(char *out) {
  static char root[PATH_MAX];
  out[0] = 0;
  if (pick(6) == 0) {
    if (!root[0] && !getcwd(root, sizeof root)) exit(2);
    strcpy(out, root);
    strcat(out, "/");
  } else if (pick(6) == 0) {
    strcpy(out, "./");
  }
  uint32_t parts = 1 + pick(3);
  for (uint32_t i = 0; i < parts; i++) {
    if (i) strcat(out, pick(12) ? "/" : pick(2) ? "//" : "/./");
    if (i && pick(14) == 0)
      strcat(out, "..");
    else
      strcat(out, names[pick(NAMES)]);
  }
  if (pick(20) == 0) strcat(out, "/");
  return out;
}

static void show_stat(const char *label, const struct stat *st) {
  printf(" %s:%o", label, st->st_mode);
  if (S_ISREG(st->st_mode)) printf(",%lld,%lu", (long long)st->st_size, (unsigned long)st->st_nlink);
}

static void show_content(int fd) {
  char text[64];
  ssize_t got = pread(fd, text, sizeof text - 1, 0);
  text[got > 0 ? got : 0] = 0;
  for (char *at = text; *at; at++)
    if (*at == '\n') *at = '|';
  printf(" \"%s\"", text);
}

/* The first byte through a shared mapping, and what read says of it after it was changed there. */
static void map_and_compare(int fd, bool writable) {
  char first = 0;
  char *map = mmap(NULL, 1, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0);
  printf(" mmap=%s", map == MAP_FAILED ? strerrorname_np(errno) : "ok");
  if (map == MAP_FAILED) return;
  /* An empty file has no byte to touch. */
  if (pread(fd, &first, 1, 0) == 1) {
    printf(",%d", *map == first);
    if (writable) *map = 'M';
    if (pread(fd, &first, 1, 0) == 1) printf(",%c", first == '\n' ? '|' : first);
  }
  munmap(map, 1);
}

/* What exec says, or the exit code. */
static void run(const char *at) {
  int status = 0;
  fflush(stdout);
  pid_t pid = fork();
  if (pid == 0) {
    int null = open("/dev/null", O_RDWR);
    dup2(null, 1);
    dup2(null, 2);
    execl(at, at, (char *)NULL);
    _exit(errno);
  }
  waitpid(pid, &status, 0);
  printf(" run(%s)=%d", at, status);
}

static void open_and_use(const char *at, int flags) {
  struct stat by_path, by_descriptor;
  int fd = open(at, flags | O_CLOEXEC | O_NONBLOCK, 0644);
  printf(" open(%s,%x)=%s", at, flags, fd < 0 ? strerrorname_np(errno) : "ok");
  if (fd < 0) return;
  if (fstat(fd, &by_descriptor) == 0) show_stat("fd", &by_descriptor);
  if (!(flags & (O_NOFOLLOW | O_PATH)) && stat(at, &by_path) == 0) {
    if (by_path.st_ino != by_descriptor.st_ino || by_path.st_dev != by_descriptor.st_dev ||
        by_path.st_mtim.tv_nsec != by_descriptor.st_mtim.tv_nsec || by_path.st_ctim.tv_sec != by_descriptor.st_ctim.tv_sec)
      printf(" DIFFERS");
  }
  if (S_ISREG(by_descriptor.st_mode) && !(flags & O_PATH)) {
    if ((flags & O_ACCMODE) != O_RDONLY) printf(" write=%zd", write(fd, "xyz\n", 4));
    if ((flags & O_ACCMODE) != O_WRONLY) show_content(fd);
    switch (pick(8)) {
    case 3:
      map_and_compare(fd, (flags & O_ACCMODE) == O_RDWR);
      break;
    case 0:
      printf(" fchmod=%d", fchmod(fd, 0640));
      break;
    case 1:
      printf(" ftruncate=%s", ftruncate(fd, 2) ? strerrorname_np(errno) : "ok");
      break;
    case 2: {
      struct timespec times[2] = {{1000, 5}, {2000, 7}};
      printf(" futimens=%d", futimens(fd, times));
      if (fstat(fd, &by_descriptor) == 0) printf(",%ld", by_descriptor.st_mtim.tv_sec);
      break;
    }
    }
  }
  close(fd);
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static void list(const char *at) {
  DIR *dir = opendir(at);
  char *found[256];
  size_t count = 0;
  struct dirent *record;
  printf(" list(%s)=%s", at, dir ? "" : strerrorname_np(errno));
  if (!dir) return;
  while ((record = readdir(dir)) && count < 256) {
    struct stat st;
    if (strcmp(record->d_name, "..") != 0 && fstatat(dirfd(dir), record->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
      if (st.st_ino != record->d_ino) printf(" INODE(%s)", record->d_name);
      if ((st.st_mode & S_IFMT) >> 12 != record->d_type) printf(" TYPE(%s)", record->d_name);
    } else if (record->d_name[0] != '.') {
      printf(" GHOST(%s)", record->d_name);
    }
    found[count++] = strdup(record->d_name);
  }
  closedir(dir);
  qsort(found, count, sizeof *found, by_name);
  for (size_t i = 0; i < count; i++) {
    printf("%s%s", i ? "," : "", found[i]);
    free(found[i]);
  }
}

static void answer(const char *call, const char *a, const char *b, int result) {
  printf(" %s(%s%s%s)=%s", call, a, b ? "," : "", b ? b : "", result < 0 ? strerrorname_np(errno) : "ok");
}

static void step(void) {
  static const int modes[] = {O_RDONLY, O_RDONLY, O_RDONLY, O_WRONLY, O_RDWR, O_WRONLY | O_CREAT, O_RDWR | O_CREAT | O_EXCL,
                              O_WRONLY | O_TRUNC, O_WRONLY | O_CREAT | O_TRUNC, O_WRONLY | O_APPEND, O_RDONLY | O_CREAT,
                              O_RDONLY | O_DIRECTORY, O_RDONLY | O_NOFOLLOW, O_PATH, O_PATH | O_NOFOLLOW, O_RDONLY | O_TRUNC,
                              O_WRONLY | O_CREAT | O_NOFOLLOW, O_RDWR | O_DIRECTORY};
  char one[PATH_MAX], two[PATH_MAX], text[PATH_MAX];
  struct stat st;
  const char *a = path(one), *b = path(two);
  switch (pick(27)) {
  case 0:
  case 1:
  case 2:
  case 3:
  case 4:
    open_and_use(a, modes[pick(sizeof modes / sizeof *modes)]);
    break;
  case 5:
    answer("stat", a, NULL, stat(a, &st));
    break;
  case 6:
    answer("lstat", a, NULL, lstat(a, &st));
    break;
  case 7: {
    struct statx stx;
    int result = (int)syscall(SYS_statx, AT_FDCWD, a, pick(2) ? AT_SYMLINK_NOFOLLOW : 0, STATX_BASIC_STATS, &stx);
    answer("statx", a, NULL, result);
    if (result == 0 && S_ISREG(stx.stx_mode)) printf(",%lld", (long long)stx.stx_size);
    break;
  }
  case 8:
    answer("access", a, NULL, access(a, (int)pick(8)));
    break;
  case 9: {
    ssize_t size = readlink(a, text, sizeof text - 1);
    text[size > 0 ? size : 0] = 0;
    answer("readlink", a, text, (int)size);
    break;
  }
  case 10:
  case 11:
    list(a);
    break;
  case 12:
  case 13:
    answer("unlink", a, NULL, unlink(a));
    break;
  case 14:
    answer("rmdir", a, NULL, rmdir(a));
    break;
  case 15:
    answer("mkdir", a, NULL, mkdir(a, 0755));
    break;
  case 16:
  case 17:
  case 18:
    answer("rename", a, b, rename(a, b));
    break;
  case 19:
    answer("renameat2", a, b, renameat2(AT_FDCWD, a, AT_FDCWD, b, pick(2) ? RENAME_NOREPLACE : RENAME_EXCHANGE));
    break;
  case 20:
    answer("link", a, b, linkat(AT_FDCWD, a, AT_FDCWD, b, pick(2) ? AT_SYMLINK_FOLLOW : 0));
    break;
  case 21:
    answer("symlink", a, b, symlink(pick(2) ? names[pick(NAMES)] : "../a", b));
    break;
  case 22: {
    /* Directories stay open to their owner: a run of another user than root must be able to go on. */
    static const mode_t file_modes[] = {0600, 0644, 0444, 0200, 0};
    mode_t mode = file_modes[pick(5)];
    answer("chmod", a, NULL, chmod(a, stat(a, &st) == 0 && S_ISDIR(st.st_mode) ? 0750 : mode));
    break;
  }
  case 23: {
    struct timespec times[2] = {{100000 + pick(100), 0}, {200000 + pick(100), 3}};
    answer("utimensat", a, NULL, utimensat(AT_FDCWD, a, times, pick(2) ? AT_SYMLINK_NOFOLLOW : 0));
    break;
  }
  case 24:
    answer("truncate", a, NULL, truncate(a, pick(20)));
    answer("getxattr", b, NULL, (int)getxattr(b, "user.none", text, sizeof text));
    break;
  case 26:
    if (pick(4) == 0) run(pick(2) ? "e" : a);
    break;
  case 25: {
    char *resolved = realpath(a, NULL);
    answer("realpath", a, resolved, resolved ? 0 : -1);
    free(resolved);
    break;
  }
  }
  if (lstat(a, &st) == 0) show_stat("after", &st);
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  state = strtoull(argv[1], NULL, 10);
  long count = atol(argv[2]);
  for (long i = 0; i < count; i++) {
    printf("%ld", i);
    step();
    printf("\n");
    /* From deeper directories, too; never above the first one. */
    static int depth;
    char at[PATH_MAX];
    if (depth == 0 && pick(25) == 0 && chdir(pick(2) ? "sub" : "dir") == 0)
      depth = 1;
    else if (depth == 1 && pick(10) == 0 && chdir("..") == 0)
      depth = 0;
    if (depth == 1 && !getcwd(at, sizeof at) && chdir("/") == 0) {
      printf("gone\n");
      break;
    }
  }
  return 0;
}
