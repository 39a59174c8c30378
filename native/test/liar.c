/*
 * Asks the library and the kernel the same questions about names of a solid tree (test/solid/liar.ts).
 *
 *   liar check             names on standard input, one a line: every answer must be the kernel's, field for field
 *   liar watch             "NAME EXISTS" on standard input: microseconds until access(NAME) says what EXISTS (0, 1) says, one line each
 *   liar own DIR SEED MILLISECONDS STATIC   changes names below DIR in every way, and checks them after each change; STATIC is a
 *                          program that is not injected: it appends a byte to the file it is named, or to those its input names
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

/* Past every library. */
static long kernel(long n, long a, long b, long c, long d, long e) {
  long result;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  __asm__ volatile("syscall" : "=a"(result) : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8) : "rcx", "r11", "memory");
  return result;
}

static char doing[256];
static unsigned long checks;

static _Noreturn void wrong(const char *name, const char *what, long library, long real) {
  printf("wrong: %s of %s after %s: %ld instead of %ld\n", what, name, doing, library, real);
  fflush(stdout);
  _exit(1);
}

static void same(const char *name, const char *what, long library, long real) {
  checks++;
  if (library != real) wrong(name, what, library, real);
}

static long answer(int result) { return result < 0 ? -errno : result; }

static void same_stat(const char *name, const char *what, const struct stat *a, const struct stat *b) {
  char part[64];
#define FIELD(field) snprintf(part, sizeof part, "%s %s", what, #field), same(name, part, (long)a->field, (long)b->field)
  FIELD(st_dev);
  FIELD(st_ino);
  FIELD(st_nlink);
  FIELD(st_mode);
  FIELD(st_uid);
  FIELD(st_gid);
  FIELD(st_rdev);
  FIELD(st_size);
  FIELD(st_blksize);
  FIELD(st_blocks);
  FIELD(st_atim.tv_sec);
  FIELD(st_atim.tv_nsec);
  FIELD(st_mtim.tv_sec);
  FIELD(st_mtim.tv_nsec);
  FIELD(st_ctim.tv_sec);
  FIELD(st_ctim.tv_nsec);
}

static void check_stat(const char *name, int flags) {
  struct stat library, real;
  const char *what = flags ? "lstat" : "stat";
  memset(&library, 0, sizeof library);
  memset(&real, 0, sizeof real);
  long a = answer(flags ? lstat(name, &library) : stat(name, &library));
  long b = kernel(SYS_newfstatat, AT_FDCWD, (long)name, (long)&real, flags, 0);
  same(name, what, a, b);
  if (a == 0) same_stat(name, what, &library, &real);
}

static void check_statx(const char *name, unsigned mask) {
  struct statx library, real;
  memset(&library, 0x55, sizeof library);
  memset(&real, 0x55, sizeof real);
  long a = answer(statx(AT_FDCWD, name, AT_SYMLINK_NOFOLLOW, mask, &library));
  long b = kernel(SYS_statx, AT_FDCWD, (long)name, AT_SYMLINK_NOFOLLOW, mask, (long)&real);
  same(name, "statx", a, b);
  for (size_t i = 0; a == 0 && i < sizeof real; i++) {
    char what[32];
    snprintf(what, sizeof what, "statx byte %zu", i);
    same(name, what, ((uint8_t *)&library)[i], ((uint8_t *)&real)[i]);
  }
}

static void check(const char *name) {
  static const int modes[] = {F_OK, R_OK, W_OK, X_OK, R_OK | W_OK};
  check_stat(name, 0);
  check_stat(name, AT_SYMLINK_NOFOLLOW);
  check_statx(name, STATX_BASIC_STATS | STATX_BTIME);
  check_statx(name, STATX_BASIC_STATS);
  check_statx(name, STATX_SIZE | STATX_MTIME);
  for (unsigned i = 0; i < sizeof modes / sizeof *modes; i++)
    same(name, "access", answer(access(name, modes[i])), kernel(SYS_faccessat, AT_FDCWD, (long)name, modes[i], 0, 0));
}

static void check_input(void) {
  char line[PATH_MAX];
  snprintf(doing, sizeof doing, "sync");
  while (fgets(line, sizeof line, stdin)) {
    line[strcspn(line, "\n")] = 0;
    check(line);
  }
  printf("right: %lu answers\n", checks);
}

static long microseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* The writer of the line has made the change just before. */
static void watch_input(void) {
  char line[PATH_MAX + 8];
  while (fgets(line, sizeof line, stdin)) {
    char *space = strrchr(line, ' ');
    if (!space) continue;
    *space = 0;
    long wanted = space[1] == '1', begun = microseconds();
    while ((access(line, F_OK) == 0) != wanted)
      if (microseconds() - begun > 10000000) wrong(line, "access, ten seconds", !wanted, wanted);
    printf("%ld\n", microseconds() - begun);
    fflush(stdout);
  }
}

/* --- changes of our own ------------------------------------------------------------------------------------------------- */

enum { NAMES = 24, KEPT = 4 };
static uint64_t state;
static char names[NAMES][PATH_MAX];
static const char *directory, *helper;
static int kept[KEPT];
static char kept_name[KEPT][PATH_MAX];

static uint32_t draw(uint32_t below) {
  state = state * 6364136223846793005ull + 1442695040888963407ull;
  return (uint32_t)(state >> 33) % below;
}

static const char *any(void) { return names[draw(NAMES)]; }

static void did(const char *format, ...) {
  va_list rest;
  va_start(rest, format);
  vsnprintf(doing, sizeof doing, format, rest);
  va_end(rest);
}

static void spawn_and_wait(const char *program, char *const argv[]) {
  pid_t child;
  int status;
  if (posix_spawn(&child, program, NULL, NULL, argv, environ) == 0) waitpid(child, &status, 0);
}

static void fork_and_wait(const char *program, char *const argv[]) {
  pid_t child = fork();
  int status;
  if (child == 0) {
    execv(program, argv);
    _exit(127);
  }
  waitpid(child, &status, 0);
}

/* It lives on beside us, and says when it has done. */
static void ask_service(const char *name) {
  int to[2], from[2];
  char reply;
  if (pipe2(to, O_CLOEXEC) != 0 || pipe2(from, O_CLOEXEC) != 0) return;
  pid_t child = fork();
  if (child == 0) {
    dup2(to[0], 0);
    dup2(from[1], 1);
    execl(helper, helper, NULL);
    _exit(127);
  }
  close(to[0]);
  close(from[1]);
  for (int i = 0; i < 3; i++) {
    size_t length = strlen(name) + 1;
    if (write(to[1], name, length) == (ssize_t)length && read(from[0], &reply, 1) == 1) check(name);
  }
  close(to[1]);
  waitpid(child, NULL, 0);
  close(from[0]);
}

static void map_and_write(const char *name) {
  int fd = open(name, O_RDWR);
  if (fd < 0 || ftruncate(fd, 4096) != 0) {
    if (fd >= 0) close(fd);
    return;
  }
  char *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (at == MAP_FAILED) return;
  for (int i = 0; i < 3; i++) {
    at[draw(4096)]++;
    msync(at, 4096, MS_SYNC);
    check(name);
    usleep(draw(3) * 120000);
    at[draw(4096)]++;
    check(name);
  }
  munmap(at, 4096);
}

static void use_kept(void) {
  uint32_t i = draw(KEPT);
  if (kept[i] > 0 && draw(4) == 0) {
    close(kept[i]);
    kept[i] = 0;
  } else if (kept[i] > 0) {
    did("writing to a descriptor of long ago");
    if (write(kept[i], "kept", 4) < 0) return;
    check(kept_name[i]);
    return;
  } else {
    snprintf(kept_name[i], sizeof kept_name[i], "%s", any());
    kept[i] = open(kept_name[i], O_WRONLY | O_APPEND | O_CLOEXEC);
  }
  check(kept_name[i]);
}

static void one_change(void) {
  const char *name = any(), *other = any();
  /* Until the index has caught up: only then it could be wrong at once. */
  if (draw(2)) usleep(60000 + draw(150000));
  struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 1000000000 + draw(1000000), .tv_nsec = 5}};
  struct stat st;
  char sibling[PATH_MAX + 16];
  int fd;
  /* What is not injected keeps the index out for a while. */
  switch (draw(26) % (draw(4) ? 14 : 26)) {
    case 0:
      did("open for writing");
      fd = open(name, O_WRONLY);
      check(name);
      if (fd < 0) break;
      did("write");
      if (write(fd, "xyz", draw(3) + 1) > 0) check(name);
      close(fd);
      break;
    case 1:
      did("making it exclusively");
      fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0644);
      if (fd >= 0) close(fd);
      break;
    case 2: did("truncate"), (void)!truncate(name, draw(9000)); break;
    case 3: did("chmod"), chmod(name, draw(2) ? 0644 : 0600); break;
    case 4: did("utimensat"), utimensat(AT_FDCWD, name, times, AT_SYMLINK_NOFOLLOW); break;
    case 5: did("rename"), rename(name, other); break;
    case 6: did("unlink"), unlink(name); break;
    case 7: did("mkdir"), mkdir(name, 0755); break;
    case 8: did("rmdir"), rmdir(name); break;
    case 9: did("symlink"), (void)!symlink("target", name); break;
    case 10: did("link"), (void)!link(name, other); break;
    case 11:
    case 12:
      fd = open(name, O_RDONLY);
      if (fd < 0) break;
      if (draw(2))
        did("fchmod"), fchmod(fd, draw(2) ? 0640 : 0644);
      else
        did("futimens"), futimens(fd, times);
      check(name);
      close(fd);
      break;
    case 13: did("a mapping"), map_and_write(name); break;
    case 14: did("a static child"), fork_and_wait(helper, (char *[]){(char *)helper, (char *)name, NULL}); break;
    case 15: did("a static child, spawned"), spawn_and_wait(helper, (char *[]){(char *)helper, (char *)name, NULL}); break;
    case 16: did("a static service"), ask_service(name); break;
    case 17:
      did("a shell");
      snprintf(sibling, sizeof sibling, "echo more >> '%s'", name);
      if (stat(name, &st) != 0 || S_ISREG(st.st_mode)) (void)!system(sibling);
      break;
    case 18: {
      did("reading");
      char byte;
      fd = open(name, O_RDONLY);
      if (fd >= 0 && read(fd, &byte, 1) >= 0) close(fd);
      break;
    }
    case 19:
    case 20: use_kept(); break;
    case 21: {
      did("fopen");
      FILE *stream = lstat(name, &st) == 0 && S_ISREG(st.st_mode) ? fopen(name, draw(2) ? "a" : "w") : NULL;
      if (!stream) break;
      fputs("stream", stream);
      fflush(stream);
      check(name);
      fclose(stream);
      break;
    }
    case 22:
      did("a name in a new directory");
      if (mkdir(name, 0755) != 0) break;
      snprintf(sibling, sizeof sibling, "%s/inner", name);
      check(sibling);
      fd = open(sibling, O_WRONLY | O_CREAT, 0644);
      if (fd >= 0) close(fd);
      check(sibling);
      rename(name, other);
      check(sibling);
      unlink(sibling);
      snprintf(sibling, sizeof sibling, "%s/inner", other);
      check(sibling);
      unlink(sibling);
      check(sibling);
      break;
    case 23:
      did("fchmodat, and a relative name");
      fd = open(directory, O_RDONLY | O_DIRECTORY);
      if (fd < 0) break;
      fchmodat(fd, strrchr(name, '/') + 1, 0644, 0);
      close(fd);
      break;
    default: break;
  }
  check(name);
  check(other);
  check(directory);
  snprintf(sibling, sizeof sibling, "%s/never-%u", directory, draw(1000));
  check(sibling);
  check(any());
}

static int change_own(char **argv) {
  directory = argv[0];
  state = strtoull(argv[1], NULL, 10);
  helper = argv[3];
  long until = microseconds() + atol(argv[2]) * 1000;
  mkdir(directory, 0755);
  for (int i = 0; i < NAMES; i++) snprintf(names[i], sizeof names[i], "%s/n%d", directory, i);
  unsigned long changes = 0;
  while (microseconds() < until) one_change(), changes++;
  printf("right: %lu answers after %lu changes\n", checks, changes);
  return 0;
}

int main(int argc, char **argv) {
  if (argc == 2 && strcmp(argv[1], "check") == 0)
    check_input();
  else if (argc == 2 && strcmp(argv[1], "watch") == 0)
    watch_input();
  else if (argc == 6 && strcmp(argv[1], "own") == 0)
    return change_own(argv + 2);
  else
    return 2;
  return 0;
}
