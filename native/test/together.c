/*
 * together SEED SECONDS ID: one of several processes that do random things to the same names of the working directory
 * (test/operations/shared.ts makes it). What any of them sees at any moment must be possible on a plain file system; what they did
 * is printed at the end, so that the whole can be added up:
 *
 *   made NAME COUNT · removed NAME COUNT   names that are made exclusively: final = initial + made - removed
 *   added NAME COUNT                       records appended, increments made
 *
 * Ends with a line on stderr and 1 when it sees what must never be.
 *
 * together check FILE: is FILE one whole version? For exec.
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
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define VERSION_LINES 100
#define COUNTED 64

static uint64_t state;
static const char *id, *self;
static long sequence;

static uint32_t pick(uint32_t limit) {
  state = state * 6364136223846793005ull + 1442695040888963407ull;
  return (uint32_t)(state >> 33) % limit;
}

static _Noreturn void never(const char *what, const char *name) {
  fprintf(stderr, "together %s, step %ld: %s: %s: %s\n", id, sequence, what, name, strerror(errno));
  exit(1);
}

static struct counted {
  char what[8], name[56];
  long count;
} counts[COUNTED * 4];

static void count(const char *what, const char *name) {
  for (struct counted *at = counts; at < counts + sizeof counts / sizeof *counts; at++) {
    if (at->count == 0) {
      snprintf(at->what, sizeof at->what, "%s", what);
      snprintf(at->name, sizeof at->name, "%s", name);
    }
    if (strcmp(at->what, what) == 0 && strcmp(at->name, name) == 0) {
      at->count++;
      return;
    }
  }
  never("too many counters", name);
}

/* `allowed` ends with 0. */
static void expect(long result, const char *what, const char *name, const int *allowed) {
  if (result >= 0) return;
  while (*allowed != 0)
    if (errno == *allowed++) return;
  never(what, name);
}

static char *numbered(char *out, const char *stem, uint32_t limit) {
  sprintf(out, "%s%u", stem, pick(limit));
  return out;
}

/* Every line of a version is the same. */
static void check_text(const char *file, const char *text, size_t size) {
  const char *end = memchr(text, '\n', size);
  if (!end) never("no line", file);
  size_t line = (size_t)(end - text) + 1;
  if (size != line * VERSION_LINES) never("not a whole version", file);
  for (size_t at = 0; at < size; at += line)
    if (memcmp(text, text + at, line) != 0) never("two versions in one", file);
}

static void check_version(const char *file) {
  struct stat st, by_path;
  char text[VERSION_LINES * 40];
  int fd = open(file, O_RDONLY | O_CLOEXEC);
  if (fd < 0) never("a version is missing", file);
  if (fstat(fd, &st) != 0) never("fstat", file);
  if (stat(file, &by_path) != 0) never("stat", file);
  ssize_t got = read(fd, text, sizeof text);
  if (got != st.st_size) never("size and content differ", file);
  check_text(file, text, (size_t)got);
  void *map = mmap(NULL, (size_t)got, PROT_READ, MAP_SHARED, fd, 0);
  if (map == MAP_FAILED) never("mmap", file);
  if (memcmp(map, text, (size_t)got) != 0) never("mapping and content differ", file);
  munmap(map, (size_t)got);
  close(fd);
}

static void replace_version(const char *file) {
  char temporary[PATH_MAX], line[40];
  snprintf(temporary, sizeof temporary, "%s.%s", file, id);
  FILE *out = fopen(temporary, "we");
  if (!out) never("fopen", temporary);
  snprintf(line, sizeof line, "%s.%ld\n", id, sequence);
  for (int i = 0; i < VERSION_LINES; i++) fputs(line, out);
  if (fclose(out) != 0) never("fclose", temporary);
  if (rename(temporary, file) != 0) never("rename", temporary);
}

static void exclusive(void) {
  char name[64];
  static const int taken[] = {EEXIST, 0}, gone[] = {ENOENT, 0};
  long result;
  switch (pick(6)) {
  case 0:
    result = open(numbered(name, "lock-", 8), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);
    expect(result, "O_EXCL", name, taken);
    if (result >= 0) close((int)result);
    break;
  case 1:
    result = link("stable/s0", numbered(name, "lock-", 8));
    expect(result, "link", name, taken);
    break;
  case 2:
    result = symlink("stable/s0", numbered(name, "lock-", 8));
    expect(result, "symlink", name, taken);
    break;
  case 3:
    result = mkdir(numbered(name, "directory-", 4), 0755);
    expect(result, "mkdir", name, taken);
    break;
  case 4:
    result = rmdir(numbered(name, "directory-", 4));
    expect(result, "rmdir", name, gone);
    if (result == 0) count("removed", name);
    return;
  default:
    result = unlink(numbered(name, "lock-", 8));
    expect(result, "unlink", name, gone);
    if (result == 0) count("removed", name);
    return;
  }
  if (result >= 0) count("made", name);
}

static void append(const char *file, const char *counter) {
  char record[400];
  static const int moved[] = {ENOENT, 0};
  int fd = open(file, O_WRONLY | O_APPEND | O_CLOEXEC);
  expect(fd, "append", file, moved);
  if (fd < 0) return;
  int length = snprintf(record, sizeof record, "%s %ld ", id, sequence);
  int fill = (int)pick(300);
  memset(record + length, 'x', (size_t)fill);
  length += fill;
  record[length++] = '\n';
  if (write(fd, record, (size_t)length) != length) never("write", file);
  close(fd);
  count("added", counter);
}

static void increment(void) {
  char name[64], text[32] = "";
  int fd = open(numbered(name, "counter-", 2), O_RDWR | O_CLOEXEC);
  if (fd < 0 || flock(fd, LOCK_EX) != 0) never("counter", name);
  if (pread(fd, text, sizeof text - 1, 0) <= 0) never("counter read", name);
  int length = sprintf(text, "%ld\n", atol(text) + 1);
  if (pwrite(fd, text, (size_t)length, 0) != length) never("counter write", name);
  close(fd);
  count("added", name);
}

static void move_token(void) {
  char name[64], from[128], to[128];
  static const int gone[] = {ENOENT, 0};
  numbered(name, "token-", 12);
  sprintf(from, "place-%u/%s", pick(4), name);
  sprintf(to, "place-%u/%s", pick(4), name);
  expect(renameat2(AT_FDCWD, from, AT_FDCWD, to, strcmp(from, to) != 0 && pick(2) ? RENAME_NOREPLACE : 0), "move", from, gone);
}

static void move_directory(void) {
  static const int gone[] = {ENOENT, 0};
  bool forth = pick(2);
  expect(rename(forth ? "moving-a" : "moving-b", forth ? "moving-b" : "moving-a"), "move directory", "moving", gone);
}

static void in_moving(void) {
  char name[64], text[64] = "";
  static const int gone[] = {ENOENT, 0};
  const char *where = pick(2) ? "moving-a" : "moving-b";
  struct timespec times[2] = {{1000 + pick(100), 0}, {2000 + pick(100), 0}};
  uint32_t number = pick(6);
  sprintf(name, "%s/f%u", where, number);
  switch (pick(5)) {
  case 0:
    expect(chmod(name, pick(2) ? 0600 : 0644), "chmod", name, gone);
    break;
  case 1:
    expect(utimensat(AT_FDCWD, name, times, 0), "utimensat", name, gone);
    break;
  case 2:
    sprintf(name, "%s/log", where);
    append(name, "moving-log");
    break;
  default: {
    int fd = open(name, (pick(3) ? O_RDONLY : O_RDWR) | O_CLOEXEC);
    expect(fd, "open", name, gone);
    if (fd < 0) break;
    char expected[64];
    sprintf(expected, "moving %u\n", number);
    if (read(fd, text, sizeof text - 1) < 0 || strcmp(text, expected) != 0) never("content", name);
    close(fd);
  }
  }
}

static void attributes(void) {
  char name[64], text[64] = "";
  struct stat st;
  struct timespec times[2] = {{1000, 5}, {2000, 7}};
  numbered(name, "attribute-", 6);
  switch (pick(5)) {
  case 0:
    if (chmod(name, pick(2) ? 0640 : 0604) != 0) never("chmod", name);
    break;
  case 1:
    if (utimensat(AT_FDCWD, name, times, 0) != 0) never("utimensat", name);
    break;
  case 2: {
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, text, sizeof text) != 10 || memcmp(text, "attribute\n", 10) != 0) never("content", name);
    if (pick(4) == 0 && fchmod(fd, 0600) != 0) never("fchmod", name);
    close(fd);
    break;
  }
  default:
    if (stat(name, &st) != 0) never("stat", name);
    if (st.st_size != 10 || !S_ISREG(st.st_mode) || st.st_nlink != 1) never("attributes", name);
  }
}

static void cut(void) {
  char name[64];
  struct stat st;
  numbered(name, "cut-", 4);
  if (pick(30) == 0) {
    if (truncate(name, 0) != 0) never("truncate", name);
    count("added", name);
    return;
  }
  if (stat(name, &st) != 0 || (st.st_size != 0 && st.st_size != 5000)) never("neither whole nor empty", name);
}

static void list(void) {
  static const char *const directories[] = {".", "stable", "place-0", "place-1", "place-2", "place-3"};
  const char *at = directories[pick(6)];
  char seen[512][32];
  int names = 0, stable = 0;
  DIR *dir = opendir(at);
  if (!dir) never("opendir", at);
  for (struct dirent *record; (record = readdir(dir)) && names < 512; names++) {
    snprintf(seen[names], sizeof seen[names], "%.31s", record->d_name);
    stable += record->d_name[0] == 's' && record->d_name[1] != 't';
  }
  closedir(dir);
  if (strcmp(at, "stable") == 0 && stable != 30) never("a listing lacks names that nobody touches", at);
  for (int i = 0; i < names; i++)
    for (int k = 0; k < i; k++)
      /* A name that is replaced while it is listed may come twice on a plain file system, too; nobody replaces these. */
      if (strcmp(seen[i], seen[k]) == 0 && strncmp(at, "stable", 6) == 0) never("a name twice", seen[i]);
}

static void run_check(void) {
  char name[64];
  int status;
  numbered(name, "version-", 4);
  pid_t pid = pick(2) ? vfork() : fork();
  if (pid == 0) {
    execl(self, self, "check", name, (char *)NULL);
    _exit(127);
  }
  if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) never("exec", name);
}

static void step(void) {
  char name[64];
  switch (pick(20)) {
  case 0: case 1: case 2: case 3:
    exclusive();
    break;
  case 4: case 5:
    append(numbered(name, "log-", 4), name);
    break;
  case 6:
    replace_version(numbered(name, "version-", 4));
    break;
  case 7: case 8: case 9:
    check_version(numbered(name, "version-", 4));
    break;
  case 10: case 11:
    move_token();
    break;
  case 12:
    if (pick(4) == 0) move_directory();
    break;
  case 13: case 14:
    in_moving();
    break;
  case 15:
    increment();
    break;
  case 16:
    attributes();
    break;
  case 17:
    cut();
    break;
  case 18:
    list();
    break;
  default:
    if (pick(10) == 0) run_check();
  }
}

static double now(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
  self = argv[0];
  id = "check";
  if (argc == 3 && strcmp(argv[1], "check") == 0) {
    check_version(argv[2]);
    return 0;
  }
  if (argc != 4) return 2;
  id = argv[3];
  state = strtoull(argv[1], NULL, 10) * 1000003 + strtoull(id, NULL, 36);
  double end = now() + atof(argv[2]);
  while (now() < end) {
    step();
    sequence++;
  }
  for (struct counted *at = counts; at->count != 0; at++) printf("%s %s %ld\n", at->what, at->name, at->count);
  printf("steps %s %ld\n", id, sequence);
  return 0;
}
