/*
 * One of several processes at work in the same directory; ends with a line on stderr and 1 when it sees what must never be.
 *
 *   contention append FILE COUNT ID    opens, appends one line "ID n", closes
 *   contention replace FILE COUNT      writes a whole new version beside it and renames it over FILE
 *   contention watch FILE COUNT        FILE is there at every moment, and is one whole version
 *   contention chmod DIR               makes every file f<n> of DIR physical, in a scattered order
 *   contention list DIR COUNT NAMES    every listing has f0 … f<NAMES-1>, each once
 *   contention recreate FILE COUNT     unlinks and creates; the name must be what this process made of it
 *   contention threads FILE COUNT      readers, a chdir-er and writers in one process
 *   contention map FILE COUNT SLOT     counts up to COUNT in a slot of its own, through a shared mapping
 *
 * These wait for the end of their input, so that all begin at once, and say on stdout what became of it:
 *
 *   contention unlink FILE             "done", or nothing when it was gone
 *   contention rename FILE TO          the same
 *   contention exclusive FILE          "done" for who has made it, with O_EXCL
 *   contention add FILE ID             appends "ID" to a file that is there: "done"
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define VERSION_LINES 200

static void never(const char *what, const char *name) {
  fprintf(stderr, "contention: %s: %s: %s\n", what, name, strerror(errno));
  exit(1);
}

static void append(const char *file, long count, const char *id) {
  char line[64];
  for (long i = 0; i < count; i++) {
    int length = snprintf(line, sizeof line, "%s %ld\n", id, i);
    int fd = open(file, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (fd < 0) never("append: open", file);
    if (write(fd, line, (size_t)length) != length) never("append: write", file);
    close(fd);
  }
}

/* A version is one number on every line, so that two of them cannot be mistaken for one. */
static void replace(const char *file, long count) {
  char temporary[PATH_MAX];
  snprintf(temporary, sizeof temporary, "%s.%d", file, getpid());
  for (long i = 0; i < count; i++) {
    FILE *out = fopen(temporary, "w");
    if (!out) never("replace: fopen", temporary);
    for (int n = 0; n < VERSION_LINES; n++) fprintf(out, "%d.%ld\n", getpid(), i);
    fclose(out);
    if (rename(temporary, file) != 0) never("replace: rename", temporary);
  }
}

static void watch_once(const char *file) {
  char first[64] = "", line[64];
  struct stat st;
  int lines = 0;
  if (stat(file, &st) != 0) never("watch: stat", file);
  if (access(file, R_OK) != 0) never("watch: access", file);
  FILE *in = fopen(file, "r");
  if (!in) never("watch: fopen", file);
  while (fgets(line, sizeof line, in)) {
    if (lines++ == 0) strcpy(first, line);
    if (strcmp(line, first) != 0) never("watch: two versions in one", file);
  }
  fclose(in);
  if (lines != VERSION_LINES) never("watch: half a version", file);
}

static void watch(const char *file, long count) {
  for (long i = 0; i < count; i++) watch_once(file);
}

static void make_physical(const char *directory) {
  char path[PATH_MAX];
  struct stat st;
  long names = 0;
  for (;; names++) {
    snprintf(path, sizeof path, "%s/f%ld", directory, names);
    if (stat(path, &st) != 0) break;
  }
  for (long i = 0; i < names; i++) {
    snprintf(path, sizeof path, "%s/f%ld", directory, i * 7919 % names);
    if (chmod(path, 0640) != 0) never("chmod", path);
  }
}

static void list(const char *directory, long count, long names) {
  char *seen = malloc((size_t)names);
  for (long i = 0; i < count; i++) {
    DIR *dir = opendir(directory);
    struct dirent *record;
    memset(seen, 0, (size_t)names);
    if (!dir) never("list: opendir", directory);
    while ((record = readdir(dir))) {
      long number;
      if (sscanf(record->d_name, "f%ld", &number) != 1) continue;
      if (number < 0 || number >= names || seen[number]++) never("list: twice", record->d_name);
    }
    closedir(dir);
    for (long n = 0; n < names; n++)
      if (!seen[n]) {
        fprintf(stderr, "contention: list: f%ld is missing\n", n);
        exit(1);
      }
  }
  free(seen);
}

static void recreate(const char *file, long count) {
  struct stat st;
  for (long i = 0; i < count; i++) {
    if (unlink(file) != 0) never("recreate: unlink", file);
    if (stat(file, &st) == 0 || errno != ENOENT) never("recreate: still there", file);
    if (open(file, O_RDONLY) >= 0) never("recreate: opens", file);
    int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) never("recreate: create", file);
    close(fd);
    if (stat(file, &st) != 0 || st.st_size != 0) never("recreate: old content", file);
  }
}

struct work {
  const char *file;
  long count;
};

static void *reader(void *at) {
  struct work *work = at;
  watch(work->file, work->count);
  return NULL;
}

/* Relative names mean another file on every turn; the reader beside it uses an absolute one. */
static void *mover(void *at) {
  struct work *work = at;
  struct stat st;
  char here[PATH_MAX];
  if (!getcwd(here, sizeof here)) never("threads: getcwd", ".");
  for (long i = 0; i < work->count; i++) {
    if (chdir("/") != 0) never("threads: chdir", "/");
    if (stat("vrift-no-such-name", &st) == 0) never("threads: stat", "/");
    if (stat("proc", &st) != 0) never("threads: stat", "/proc");
    if (chdir(here) != 0) never("threads: chdir", here);
    if (stat("marker", &st) != 0) never("threads: stat", "marker");
  }
  return NULL;
}

static void *writer(void *at) {
  struct work *work = at;
  char path[PATH_MAX], line[32];
  for (long i = 0; i < work->count; i++) {
    snprintf(path, sizeof path, "%s.t%lx", work->file, (unsigned long)pthread_self());
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, "x", 1) != 1 || pread(fd, line, sizeof line, 0) != 1) never("threads: write", path);
    close(fd);
    if (unlink(path) != 0) never("threads: unlink", path);
  }
  return NULL;
}

static void threads(const char *file, long count) {
  char absolute[PATH_MAX];
  if (!realpath(file, absolute)) never("threads: realpath", file);
  struct work work = {absolute, count};
  pthread_t running[6];
  void *(*const kinds[6])(void *) = {reader, mover, writer, reader, writer, reader};
  for (int i = 0; i < 6; i++) pthread_create(&running[i], NULL, kinds[i], &work);
  for (int i = 0; i < 6; i++) pthread_join(running[i], NULL);
}

static void map(const char *file, long count, long slot) {
  int fd = open(file, O_RDWR | O_CLOEXEC);
  if (fd < 0) never("map: open", file);
  volatile long *slots = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (slots == MAP_FAILED) never("map: mmap", file);
  close(fd);
  for (long i = 1; i <= count; i++) {
    slots[slot] = i;
    if (i % 64 == 0) usleep(100);
  }
}

static void wait_for_start(void) {
  char byte;
  while (read(0, &byte, 1) > 0) continue;
}

/* What others may have been faster with is ENOENT or EEXIST; nothing else is an answer. */
static void done(int result, int faster, const char *what, const char *file) {
  if (result < 0 && errno != faster) never(what, file);
  if (result >= 0) puts("done");
}

static void add(const char *file, const char *id) {
  char line[64];
  int length = snprintf(line, sizeof line, "%s\n", id);
  int fd = open(file, O_WRONLY | O_APPEND | O_CLOEXEC);
  if (fd >= 0 && write(fd, line, (size_t)length) != length) never("add: write", file);
  done(fd, ENOENT, "add: open", file);
}

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  const char *what = argv[1], *name = argv[2];
  long count = argc > 3 ? atol(argv[3]) : 0;
  if (strcmp(what, "append") == 0 && argc == 5) append(name, count, argv[4]);
  else if (strcmp(what, "replace") == 0) replace(name, count);
  else if (strcmp(what, "watch") == 0) watch(name, count);
  else if (strcmp(what, "chmod") == 0) make_physical(name);
  else if (strcmp(what, "list") == 0 && argc == 5) list(name, count, atol(argv[4]));
  else if (strcmp(what, "recreate") == 0) recreate(name, count);
  else if (strcmp(what, "threads") == 0) threads(name, count);
  else if (strcmp(what, "map") == 0 && argc == 5) map(name, count, atol(argv[4]));
  else {
    wait_for_start();
    if (strcmp(what, "unlink") == 0) done(unlink(name), ENOENT, what, name);
    else if (strcmp(what, "rename") == 0 && argc == 4) done(rename(name, argv[3]), ENOENT, what, name);
    else if (strcmp(what, "exclusive") == 0) done(open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), EEXIST, what, name);
    else if (strcmp(what, "add") == 0 && argc == 4) add(name, argv[3]);
    else return 2;
  }
  return 0;
}
