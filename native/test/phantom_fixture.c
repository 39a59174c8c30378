/*
 * A phantom workspace without a daemon, for tests of the injected library:
 *
 *   phantom_fixture ROOT RUN SOURCE
 *
 * moves the plain files of ROOT into the store SOURCE, makes RUN/index, RUN/marks and RUN/stripes, says "ready", and stays:
 * it holds `alive`. Lines on stdin, each answered by "ok": `fold` (as resync does), `distrust 0|1`, `kind 0|1`, `grow` (a newer
 * index takes the name), `half KEY` (a change of the entry in place stops in its middle), `die` (leaves `alive` without an
 * owner). It ends with stdin.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fixture_tree.h"

static uint32_t names;
static uint64_t key_bytes;

static void count(struct fixture *fixture, const char *key, const struct stat *st) {
  (void)fixture;
  (void)st;
  names++;
  key_bytes += strlen(key);
}

static void insert(struct fixture *fixture, const char *key, const struct stat *st) {
  struct vrift_index_value value;
  uint32_t entry;
  const char *path = fixture_path(fixture->root, key);
  if (fixture_is_kernel(key))
    fixture_value(st, VRIFT_ENTRY_KERNEL | (S_ISDIR(st->st_mode) ? VRIFT_ENTRY_DIR : 0), &value);
  else if (S_ISDIR(st->st_mode))
    fixture_value(st, VRIFT_ENTRY_DIR | VRIFT_ENTRY_BACKED | VRIFT_ENTRY_COMPLETE, &value);
  else if (S_ISLNK(st->st_mode))
    fixture_value(st, VRIFT_ENTRY_SYMLINK | VRIFT_ENTRY_BACKED, &value);
  else if (fixture_is_plain(path, st))
    fixture_take(fixture, path, st, &value);
  else
    fixture_value(st, S_ISREG(st->st_mode) ? VRIFT_ENTRY_BACKED : VRIFT_ENTRY_KERNEL, &value);
  errno = vrift_writer_insert(&fixture->index, (const uint8_t *)key, strlen(key), &value, &entry);
  if (errno) fixture_die("insert", key);
}

/* Taking files out changed the directories' times; a program must not see that. */
static void restore_times(struct fixture *fixture) {
  for (uint32_t i = vrift_list_limit(&fixture->index.view); i-- > 0;) {
    struct vrift_entry entry;
    char key[PATH_MAX];
    if (vrift_entry_read(&fixture->index.view, i, &entry) != 0 || !(entry.flags & VRIFT_ENTRY_DIR)) continue;
    snprintf(key, sizeof key, "%.*s", entry.key_length, (const char *)vrift_entry_key(&fixture->index.view, &entry));
    struct timespec time = {entry.mtime_ns / 1000000000, entry.mtime_ns % 1000000000}, times[2] = {time, time};
    utimensat(AT_FDCWD, fixture_path(fixture->root, key), times, 0);
  }
}

static uint64_t *make_marks(const char *path) {
  int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0 || fchmod(fd, 0600) != 0 || ftruncate(fd, 8l * VRIFT_MARK_COUNT) != 0) fixture_die("marks", path);
  void *map = mmap(NULL, 8ul * VRIFT_MARK_COUNT, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  return map;
}

static void touch(const char *path, mode_t mode) {
  int fd = open(path, O_RDONLY | O_CREAT | O_CLOEXEC, mode);
  if (fd < 0 || fchmod(fd, mode) != 0) fixture_die("create", path);
  close(fd);
}

static void make_phantom(struct fixture *fixture) {
  struct stat root, source;
  char path[PATH_MAX];
  mkdir(fixture->source, 0700);
  snprintf(path, sizeof path, "%s/blake3", fixture->source);
  mkdir(path, 0700);
  touch(fixture_path(fixture->source, "empty"), 0444);
  if (stat(fixture->root, &root) != 0 || stat(path, &source) != 0) fixture_die("stat", fixture->root);
  mkdir(fixture_path(fixture->root, ".vrift"), 0700);
  mkdir(fixture_path(fixture->root, ".vrift/staging"), 0700);
  mkdir(fixture_path(fixture->root, ".vrift/whiteouts"), 0700);
  mkdir(fixture->run, 0700);
  fixture->marks = make_marks(fixture_path(fixture->run, "marks"));
  touch(fixture_path(fixture->run, "stripes"), 0600);
  fixture_walk(fixture, count);
  struct vrift_index_options options = {.kind = VRIFT_KIND_PHANTOM,
                                        .entry_capacity = names + 4096,
                                        .keys_size = 4 * key_bytes + 1048576,
                                        .root_dev = root.st_dev,
                                        .root_ino = root.st_ino,
                                        .source_dev = source.st_dev,
                                        .uid = root.st_uid,
                                        .gid = root.st_gid,
                                        .root_path = fixture->root,
                                        .source_path = fixture->source};
  memset(options.workspace_id, '0', sizeof options.workspace_id);
  unlink(fixture_path(fixture->run, "index"));
  errno = vrift_writer_create(fixture_path(fixture->run, "index"), &options, &fixture->index);
  if (errno) fixture_die("index", fixture->run);
  struct vrift_index_value value;
  fixture_value(&root, VRIFT_ENTRY_DIR | VRIFT_ENTRY_BACKED | VRIFT_ENTRY_COMPLETE, &value);
  vrift_writer_update(&fixture->index, 0, &value);
  fixture_walk(fixture, insert);
  restore_times(fixture);
  fixture->index.header->distrust = 0;
}

static void grow(struct fixture *fixture) {
  struct vrift_index_writer newer;
  const char *path = fixture_path(fixture->run, "index"), *beside = fixture_path(fixture->run, "index.new");
  errno = vrift_writer_grow(&fixture->index, beside, 2 * fixture->index.header->entry_capacity, 1 << 20, &newer);
  if (errno || rename(beside, path) != 0) fixture_die("grow", path);
  __atomic_store_n(&fixture->index.header->superseded, 1, __ATOMIC_RELEASE);
  vrift_writer_release(&fixture->index);
  fixture->index = newer;
}

static void half_change(struct fixture *fixture, char *key) {
  key[strcspn(key, "\n")] = 0;
  uint64_t length = strlen(key);
  uint32_t number = vrift_index_find(&fixture->index.view, (uint8_t *)key, length, vrift_path_hash((uint8_t *)key, length));
  struct vrift_entry was;
  if (number == VRIFT_NO_ENTRY || vrift_entry_read(&fixture->index.view, number, &was) != 0) fixture_die("half", key);
  struct vrift_index_value value = {.size = was.size, .mtime_ns = was.mtime_ns, .ctime_ns = was.ctime_ns, .ino = was.ino, .mode = was.mode, .blocks = was.blocks, .flags = was.flags};
  memcpy(value.content_hash, was.content_hash, sizeof value.content_hash);
  vrift_writer_update(&fixture->index, number, &value);
  /* As it is before the last store of the change; what was stored until then is not whole. */
  fixture->index.entries[number].size = 12345;
  fixture->index.entries[number].flags = VRIFT_ENTRY_BACKED;
  __atomic_store_n(&fixture->index.entries[number].seq, was.seq + 1, __ATOMIC_RELEASE);
}

/* `FROM TO\n`: a directory, in the index and on disk at one moment, as the daemon renames it. */
static void move_directory(struct fixture *fixture, char *words) {
  char from[PATH_MAX], to[PATH_MAX], disk_from[2 * PATH_MAX], disk_to[2 * PATH_MAX];
  if (sscanf(words, "%4095s %4095s", from, to) != 2) fixture_die("move", words);
  snprintf(disk_from, sizeof disk_from, "%s/%s", fixture->root, from);
  snprintf(disk_to, sizeof disk_to, "%s/%s", fixture->root, to);
  uint64_t length = strlen(from);
  uint32_t number = vrift_index_find(&fixture->index.view, (uint8_t *)from, length, vrift_path_hash((uint8_t *)from, length));
  errno = number == VRIFT_NO_ENTRY ? ENOENT : vrift_writer_move(&fixture->index, number, (uint8_t *)to, strlen(to), disk_from, disk_to);
  if (errno) fixture_die("move", from);
}

/* A daemon's heartbeat goes on while it waits. */
static bool beat_until_line(struct fixture *fixture) {
  struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
  setvbuf(stdin, NULL, _IONBF, 0);
  do {
    if (fixture->index.header) vrift_writer_beat(&fixture->index);
  }
  while (poll(&input, 1, 250) == 0);
  return true;
}

int main(int argc, char **argv) {
  struct fixture fixture = {.next_id = 0};
  char line[256], root[PATH_MAX];
  if (argc != 4 || !realpath(argv[1], root)) {
    fprintf(stderr, "usage: phantom_fixture ROOT RUN SOURCE\n");
    return 2;
  }
  fixture.root = root;
  fixture.run = argv[2];
  fixture.source = argv[3];
  make_phantom(&fixture);
  puts("ready");
  fflush(stdout);
  while (beat_until_line(&fixture) && fgets(line, sizeof line, stdin)) {
    if (strncmp(line, "fold", 4) == 0)
      fixture_fold(&fixture);
    else if (strncmp(line, "distrust ", 9) == 0)
      __atomic_store_n(&fixture.index.header->distrust, (uint32_t)atoi(line + 9), __ATOMIC_RELEASE);
    else if (strncmp(line, "kind ", 5) == 0)
      fixture.index.header->kind = (uint32_t)atoi(line + 5);
    else if (strncmp(line, "half ", 5) == 0)
      half_change(&fixture, line + 5);
    else if (strncmp(line, "move ", 5) == 0)
      move_directory(&fixture, line + 5);
    else if (strncmp(line, "grow", 4) == 0)
      grow(&fixture);
    else if (strncmp(line, "die", 3) == 0)
      vrift_writer_release(&fixture.index);
    puts("ok");
    fflush(stdout);
  }
  vrift_writer_release(&fixture.index);
  return 0;
}
