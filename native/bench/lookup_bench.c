/*
 * Times calls over a list of paths, in the order of the list, whatever library is in front of it, on one processor.
 *   lookup-bench stat|statx|access|list|spawn PATHS_FILE PASSES
 * `list` is opendir, readdir and lstat of every child; `spawn` runs the program and waits for it. Prints the nanoseconds per
 * path of every pass, one line each; one pass before them is not counted. Calls that fail and calls that succeed may not be
 * mixed: the exit code is 1 then.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e9 + t.tv_nsec;
}

static int call_stat(const char *path) {
  struct stat st;
  return stat(path, &st);
}

static int call_statx(const char *path) {
  struct statx stx;
  return statx(AT_FDCWD, path, 0, STATX_BASIC_STATS, &stx);
}

static int call_access(const char *path) { return access(path, R_OK); }

static int call_list(const char *path) {
  char child[4096];
  struct stat st;
  int failed = 0;
  size_t length = strlen(path);
  DIR *directory = opendir(path);
  if (!directory) return -1;
  memcpy(child, path, length);
  child[length++] = '/';
  for (struct dirent *record; (record = readdir(directory));) {
    if (!strcmp(record->d_name, ".") || !strcmp(record->d_name, "..")) continue;
    strcpy(child + length, record->d_name);
    if (lstat(child, &st) != 0) failed = -1;
  }
  closedir(directory);
  return failed;
}

extern char **environ;
static int call_spawn(const char *path) {
  char *argv[] = {(char *)path, NULL};
  pid_t pid;
  int status;
  if (posix_spawn(&pid, path, NULL, NULL, argv, environ) != 0) return -1;
  return waitpid(pid, &status, 0) == pid && status == 0 ? 0 : -1;
}

static const struct {
  const char *name;
  int (*call)(const char *);
  size_t least; /* paths in a pass, repeated ones counted */
} calls_known[] = {{"stat", call_stat, 20000},
                   {"statx", call_statx, 20000},
                   {"access", call_access, 20000},
                   {"list", call_list, 1},
                   {"spawn", call_spawn, 100}};

/* The last processor this process may use: the first has most of the machine's interrupts. */
static void pin(void) {
  cpu_set_t allowed, one;
  CPU_ZERO(&one);
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
  for (int cpu = CPU_SETSIZE - 1; cpu >= 0; cpu--) {
    if (!CPU_ISSET(cpu, &allowed)) continue;
    CPU_SET(cpu, &one);
    sched_setaffinity(0, sizeof one, &one);
    return;
  }
}

int main(int argc, char **argv) {
  size_t known = 0;
  while (argc == 4 && known < 5 && strcmp(argv[1], calls_known[known].name)) known++;
  if (argc != 4 || known == 5)
    return fprintf(stderr, "usage: %s stat|statx|access|list|spawn PATHS_FILE PASSES\n", argv[0]), 2;
  int (*call)(const char *) = calls_known[known].call;
  pin();
  FILE *file = fopen(argv[2], "r");
  if (!file) return perror(argv[2]), 2;
  char **paths = NULL, *line = NULL;
  size_t count = 0, capacity = 0, space = 0;
  for (ssize_t n; (n = getline(&line, &space, file)) > 0;) {
    if (line[n - 1] == '\n') line[n - 1] = 0;
    if (count == capacity) paths = realloc(paths, (capacity = capacity ? capacity * 2 : 1024) * sizeof *paths);
    paths[count++] = strdup(line);
  }
  fclose(file);
  if (!count) return fprintf(stderr, "%s: no paths\n", argv[2]), 2;
  /* Short lists are repeated so that a pass is long enough for the clock. */
  size_t least = calls_known[known].least, repeats = count < least ? least / count + 1 : 1;
  size_t found = 0, calls = 0;
  for (int pass = 0, passes = atoi(argv[3]); pass <= passes; pass++) {
    double begin = now_ns();
    for (size_t r = 0; r < repeats; r++)
      for (size_t i = 0; i < count; i++) found += call(paths[i]) == 0;
    calls += repeats * count;
    if (pass) printf("%.2f\n", (now_ns() - begin) / (repeats * count));
  }
  if (found != 0 && found != calls) return fprintf(stderr, "%zu of %zu calls succeeded\n", found, calls), 1;
  printf("%s\n", found ? "present" : "absent");
  return 0;
}
