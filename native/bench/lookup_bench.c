/*
 * Times one metadata call over a list of paths, in the order of the list, whatever library is in front of it.
 *   lookup-bench stat|statx|access PATHS_FILE PASSES
 * prints the nanoseconds per call of every pass, one line each; one pass before them is not counted. Calls that fail and
 * calls that succeed may not be mixed: the exit code is 1 then.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

int main(int argc, char **argv) {
  if (argc != 4) return fprintf(stderr, "usage: %s stat|statx|access PATHS_FILE PASSES\n", argv[0]), 2;
  int (*call)(const char *) = !strcmp(argv[1], "statx") ? call_statx : !strcmp(argv[1], "access") ? call_access : call_stat;
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
  size_t repeats = count < 20000 ? 20000 / count + 1 : 1;
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
