/*
 * The index writer against readers in processes of their own; run by src/vdir/index-torture.test.ts and `npm run torture`.
 *
 *   index_torture versions FILE MS READERS SEED    one version number in every field of an entry; readers never see two of
 *                                                  them in one answer, nor one older than what was published before the call
 *   index_torture stopped FILE CHANGES SEED        the writer stopped behind every instruction of every change; what readers
 *                                                  see there is what was before or what comes after, or "unsure"
 *   index_torture killed FILE ROUNDS SEED          the writer killed at a random instruction; the next one puts a new file in place
 *
 * Only functions of the reader and the writer are used: the layout may change below.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "index_reader.h"
#include "index_writer.h"

#define CHECK(condition, ...)                                             \
  do {                                                                    \
    if (!(condition)) {                                                   \
      fprintf(stderr, "index_torture:%d: %s: ", __LINE__, #condition);    \
      fprintf(stderr, __VA_ARGS__);                                       \
      fprintf(stderr, "\n");                                              \
      exit(1);                                                            \
    }                                                                     \
  } while (0)

static uint64_t random_state;
static uint64_t random_u64(void) {
  uint64_t z = random_state += 0x9E3779B97F4A7C15ull;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  return z ^ (z >> 31);
}
static uint32_t below(uint32_t limit) { return (uint32_t)(random_u64() % limit); }

static uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/*
 * All keys are in one directory, which has one of two names: a move gives it, and all of them, the other one. `moving` is counted before
 * the move and `moved` after it, so that its lowest bit is the name.
 *
 * Keys 0 to STEADY-1 are never removed. Some are longer than what an entry holds itself. What is said of a key in memory
 * shared by all: `begun` is stored before the writer's call, `published` after it. A word is version * 2 + (1 when there).
 */
enum { KEYS = 48, STEADY = 16, KEY_ROOM = 200 };
struct said {
  uint64_t begun, published;
};
struct shared {
  struct said keys[KEYS];
  uint64_t moving, moved;
  uint64_t over, changes, growths, reads, found, absent, unsure, lists, mapped;
};
static struct shared *shared;

static uint64_t get(const uint64_t *word) { return __atomic_load_n(word, __ATOMIC_SEQ_CST); }
static void set(uint64_t *word, uint64_t value) { __atomic_store_n(word, value, __ATOMIC_SEQ_CST); }

static const char *const directories[2] = {"directory", "elsewhere"};
enum { DIRECTORY_LENGTH = 9 };

static uint32_t key_at(int side, int number, char *key) {
  return (uint32_t)snprintf(key, KEY_ROOM, "%s/%s%s-%d", directories[side], number < STEADY ? "steady" : "fleeting",
                            number % 3 == 0 ? "-with-a-name-that-is-longer-than-an-entry-has-room-for-and-so-lies-in-the-pool-of-keys" : "",
                            number);
}

/* Where it is at rest. */
static int side(void) { return (int)(get(&shared->moved) & 1); }
static uint32_t key_of(int number, char *key) { return key_at(side(), number, key); }

static struct vrift_index_value value_of(uint64_t version) {
  struct vrift_index_value value = {.size = version,
                                    .mtime_ns = (int64_t)~version,
                                    .ctime_ns = (int64_t)(version * 3),
                                    .ino = version ^ 0x5555,
                                    .mode = (uint16_t)version,
                                    .flags = VRIFT_ENTRY_VIRTUAL | VRIFT_ENTRY_HASHED};
  for (int i = 0; i < 4; i++) memcpy(value.content_hash + 8 * i, &version, 8);
  return value;
}

static bool whole(const struct vrift_entry *entry) {
  struct vrift_index_value value = value_of(entry->size);
  return entry->mtime_ns == value.mtime_ns && entry->ctime_ns == value.ctime_ns && entry->ino == value.ino &&
         entry->mode == value.mode && memcmp(entry->content_hash, value.content_hash, 32) == 0;
}

static enum vrift_found look(const struct vrift_index_view *view, const char *key, uint32_t length, struct vrift_entry *copy,
                             uint32_t *entry) {
  return vrift_index_lookup(view, (const uint8_t *)key, length, vrift_path_hash((const uint8_t *)key, length), copy, entry);
}

static void create(const char *path, uint32_t entries, struct vrift_index_writer *writer) {
  struct vrift_index_options options = {
      .entry_capacity = entries, .keys_size = 1 << 15, .root_ino = 2, .root_path = "/proj", .source_path = "/source"};
  memset(options.workspace_id, 'a', sizeof options.workspace_id);
  unlink(path);
  int error = vrift_writer_create(path, &options, writer);
  CHECK(error == 0, "%s: %s", path, strerror(error));
}

static uint32_t insert(struct vrift_index_writer *writer, const char *key, const struct vrift_index_value *value, int *error) {
  uint32_t entry = VRIFT_NO_ENTRY;
  *error = vrift_writer_insert(writer, (const uint8_t *)key, strlen(key), value, &entry);
  return entry;
}

/* What a program does at start and when it sees `superseded`. */
struct mapped {
  void *at;
  size_t size;
  struct vrift_index_view view;
};
static void map(const char *path, struct mapped *mapped) {
  struct stat status;
  if (mapped->at) munmap(mapped->at, mapped->size);
  int fd = open(path, O_RDONLY | O_NOFOLLOW);
  CHECK(fd >= 0 && fstat(fd, &status) == 0, "%s: %s", path, strerror(errno));
  mapped->size = (size_t)status.st_size;
  mapped->at = mmap(NULL, mapped->size, PROT_READ, MAP_SHARED, fd, 0);
  CHECK(mapped->at != MAP_FAILED && vrift_index_validate(mapped->at, mapped->size, &mapped->view) == 0, "%s", path);
  close(fd);
}

static int move(struct vrift_index_writer *writer) {
  struct vrift_entry copy;
  uint32_t entry;
  const char *to = directories[!side()];
  CHECK(look(&writer->view, directories[side()], DIRECTORY_LENGTH, &copy, &entry) == VRIFT_FOUND, "the directory");
  return vrift_writer_move(writer, entry, (const uint8_t *)to, DIRECTORY_LENGTH, NULL, NULL);
}

static void put_in_place(const char *path, struct vrift_index_writer *writer, struct vrift_index_writer *next) {
  char beside[4096];
  snprintf(beside, sizeof beside, "%s.grow", path);
  CHECK(rename(beside, path) == 0, "%s", path);
  __atomic_store_n(&writer->header->superseded, 1, __ATOMIC_RELEASE);
  vrift_writer_release(writer);
  vrift_writer_unmap(writer);
  *writer = *next;
}

static void grow_beside(const char *path, struct vrift_index_writer *writer, struct vrift_index_writer *next) {
  char beside[4096];
  snprintf(beside, sizeof beside, "%s.grow", path);
  unlink(beside);
  int error = vrift_writer_grow(writer, beside, writer->header->entry_limit, 1 << 15, next);
  CHECK(error == 0, "%s: %s", beside, strerror(error));
}

static void grow(const char *path, struct vrift_index_writer *writer) {
  struct vrift_index_writer next;
  grow_beside(path, writer, &next);
  put_in_place(path, writer, &next);
  shared->growths++;
}

/* A larger file has its own numbers. */
static void find_all(const struct vrift_index_writer *writer, uint32_t *entries) {
  for (int i = 0; i < KEYS; i++) {
    char key[KEY_ROOM];
    uint32_t length = key_of(i, key);
    entries[i] = vrift_index_find(&writer->view, (const uint8_t *)key, length, vrift_path_hash((const uint8_t *)key, length));
  }
}

/* --- versions -------------------------------------------------------------------------------------------------------- */

static void check_listing(const struct vrift_index_view *view) {
  struct vrift_entry copy;
  uint32_t directory, steady = 0, unread = 0, limit = vrift_list_limit(view);
  uint64_t moved = get(&shared->moved), begun = vrift_structure_begin(view);
  enum vrift_found found = look(view, directories[moved & 1], DIRECTORY_LENGTH, &copy, &directory);
  CHECK(found != VRIFT_ABSENT || get(&shared->moving) != moved || vrift_index_superseded(view), "the directory");
  if (found != VRIFT_FOUND) return;
  for (uint32_t e = vrift_first_child(view, directory); e != 0 && limit-- > 0; e = vrift_next_sibling(view, e)) {
    /* Free: removed since the walk began, which does not hold then. */
    if (vrift_entry_read(view, e, &copy) != 0 || (copy.flags & VRIFT_ENTRY_FREE) != 0) {
      unread++;
      continue;
    }
    const uint8_t *name = vrift_entry_name(view, &copy);
    CHECK(name, "entry %u", e);
    steady += copy.name_length > 6 && memcmp(name, "steady", 6) == 0;
  }
  if (!vrift_structure_held(view, begun)) return;
  CHECK(steady <= STEADY && steady + unread >= STEADY, "%u steady names, %u unread", steady, unread);
  shared->lists++;
}

static void check_read(const char *path, struct mapped *mapped, int number, char (*keys)[KEYS][KEY_ROOM], uint64_t *counts) {
  struct vrift_entry copy, other;
  uint32_t entry;
  uint64_t moved = get(&shared->moved), before = get(&shared->keys[number].published);
  const char *key = keys[moved & 1][number];
  uint32_t length = (uint32_t)strlen(key);
  enum vrift_found found = look(&mapped->view, key, length, &copy, &entry);
  /* No old name once there is a new one: this one is the new one, if a move has begun since. */
  enum vrift_found elsewhere = look(&mapped->view, keys[~moved & 1][number], length, &other, &entry);
  /* As the library does: whether a newer file has the name is asked after the entry was read. */
  if (vrift_index_superseded(&mapped->view)) {
    map(path, mapped);
    counts[3]++;
    return;
  }
  uint64_t after = get(&shared->keys[number].begun), moving = get(&shared->moving);
  CHECK(elsewhere != VRIFT_FOUND || (whole(&other) && moving != moved), "%s: under both names", key);
  if (moving != moved) {
    CHECK(found != VRIFT_FOUND || whole(&copy), "%s: %llu and others, in a move", key, (unsigned long long)copy.size);
    counts[4]++;
    return;
  }
  switch (found) {
  case VRIFT_FOUND:
    CHECK(whole(&copy), "%s: %llu and others", key, (unsigned long long)copy.size);
    CHECK(copy.size >= before >> 1 && copy.size <= after >> 1, "%s: version %llu between %llu and %llu", key,
          (unsigned long long)copy.size, (unsigned long long)before >> 1, (unsigned long long)after >> 1);
    CHECK((before & 1) || after != before, "%s: there after its removal", key);
    break;
  case VRIFT_ABSENT:
    CHECK(number >= STEADY, "%s: absent", key);
    CHECK(!(before & 1) || after != before, "%s: absent after it was added", key);
    break;
  case VRIFT_UNSURE:
    break;
  }
  counts[found == VRIFT_FOUND ? 0 : found == VRIFT_ABSENT ? 1 : 2]++;
}

static void read_on(const char *path, uint64_t seed) {
  static char keys[2][KEYS][KEY_ROOM];
  struct mapped mapped = {0};
  uint64_t counts[5] = {0};
  random_state = seed;
  for (int i = 0; i < KEYS; i++) key_at(0, i, keys[0][i]), key_at(1, i, keys[1][i]);
  map(path, &mapped);
  while (!get(&shared->over)) {
    for (int i = 0; i < 256; i++) {
      int number = (int)below(KEYS);
      check_read(path, &mapped, number, keys, counts);
    }
    check_listing(&mapped.view);
  }
  __atomic_fetch_add(&shared->found, counts[0], __ATOMIC_RELAXED);
  __atomic_fetch_add(&shared->absent, counts[1], __ATOMIC_RELAXED);
  __atomic_fetch_add(&shared->unsure, counts[2], __ATOMIC_RELAXED);
  __atomic_fetch_add(&shared->mapped, counts[3], __ATOMIC_RELAXED);
  __atomic_fetch_add(&shared->reads, counts[0] + counts[1] + counts[2] + counts[4], __ATOMIC_RELAXED);
}

/* A change of one key; ENOSPC: none was made. `*entry` is its number or VRIFT_NO_ENTRY. */
static int change(struct vrift_index_writer *writer, const char *key, uint32_t *entry, uint64_t version, bool remove) {
  struct vrift_index_value value = value_of(version);
  int error;
  if (remove) {
    error = vrift_writer_remove(writer, *entry);
    *entry = VRIFT_NO_ENTRY;
  } else if (*entry == VRIFT_NO_ENTRY) {
    *entry = insert(writer, key, &value, &error);
  } else {
    error = vrift_writer_update(writer, *entry, &value);
  }
  return error;
}

/* With growth when the pool is full of what moves have left behind, or when there are not places enough. */
static void move_somewhere(const char *path, struct vrift_index_writer *writer) {
  set(&shared->moving, shared->moved + 1);
  int error = move(writer);
  if (error == ENOSPC) {
    grow(path, writer);
    error = move(writer);
  }
  CHECK(error == 0, "a move: %s", strerror(error));
  set(&shared->moved, shared->moved + 1);
}

static void run_versions(const char *path, uint64_t milliseconds, int readers, uint64_t seed) {
  char key[KEY_ROOM];
  uint32_t entries[KEYS], directory;
  uint64_t version = 0;
  int error;
  struct vrift_index_writer writer;
  struct vrift_index_value value = {.flags = VRIFT_ENTRY_DIR | VRIFT_ENTRY_BACKED};
  create(path, 2 * KEYS + 8, &writer);
  directory = insert(&writer, "directory", &value, &error);
  CHECK(error == 0 && directory != 0, "%d", error);
  for (int i = 0; i < KEYS; i++) {
    key_of(i, key);
    entries[i] = VRIFT_NO_ENTRY;
    CHECK(change(&writer, key, &entries[i], ++version, false) == 0, "%s", key);
    shared->keys[i] = (struct said){version * 2 + 1, version * 2 + 1};
  }
  pid_t children[16];
  CHECK(readers <= 16, "%d readers", readers);
  for (int i = 0; i < readers; i++) {
    children[i] = fork();
    CHECK(children[i] >= 0, "fork");
    if (children[i] != 0) continue;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    read_on(path, seed + 1 + (uint64_t)i);
    _exit(0);
  }
  for (uint64_t end = now_ns() + milliseconds * 1000000; now_ns() < end;) {
    for (int turn = 0; turn < 64; turn++) {
      int i = (int)below(KEYS);
      bool remove = i >= STEADY && entries[i] != VRIFT_NO_ENTRY && below(4) == 0;
      uint64_t word = ++version * 2 + !remove;
      key_of(i, key);
      set(&shared->keys[i].begun, word);
      if (change(&writer, key, &entries[i], version, remove) == ENOSPC) {
        grow(path, &writer);
        find_all(&writer, entries);
        CHECK(change(&writer, key, &entries[i], version, remove) == 0, "%s: no room after growth", key);
      }
      set(&shared->keys[i].published, word);
      shared->changes++;
    }
    /* Now and then the tempo of a daemon, and growth for its own sake. */
    if (below(8) == 0) nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
    if (below(200) == 0) {
      grow(path, &writer);
      find_all(&writer, entries);
    }
    if (below(16) == 0) {
      move_somewhere(path, &writer);
      find_all(&writer, entries);
    }
  }
  set(&shared->over, 1);
  for (int i = 0; i < readers; i++) {
    int status;
    CHECK(waitpid(children[i], &status, 0) == children[i] && status == 0, "a reader ended with %x", status);
  }
  printf("{\"changes\":%llu,\"growths\":%llu,\"reads\":%llu,\"found\":%llu,\"absent\":%llu,\"unsure\":%llu,\"lists\":%llu,\"mapped\":%llu,\"moves\":%llu}\n",
         (unsigned long long)shared->changes, (unsigned long long)shared->growths, (unsigned long long)shared->reads,
         (unsigned long long)shared->found, (unsigned long long)shared->absent, (unsigned long long)shared->unsure,
         (unsigned long long)shared->lists, (unsigned long long)shared->mapped, (unsigned long long)shared->moved);
}

/* --- stopped and killed ---------------------------------------------------------------------------------------------- */

/* The writer is a child that is told what to do through `order`; it stops itself before and after each change. */
enum what { UPDATE, INSERT, REMOVE, GROW, MOVE, WHATS };
static struct order {
  enum what what;
  int number;
  uint64_t version;
  uint32_t entries[KEYS];
} *order;

static void write_when_told(const char *path, uint32_t capacity) {
  char key[KEY_ROOM];
  struct vrift_index_writer writer;
  struct vrift_index_value value = {.flags = VRIFT_ENTRY_DIR | VRIFT_ENTRY_BACKED};
  int error;
  create(path, capacity, &writer);
  /* One that was killed may have moved it before. */
  insert(&writer, directories[side()], &value, &error);
  CHECK(error == 0, "%d", error);
  for (int i = 0; i < KEYS; i++) {
    key_of(i, key);
    order->entries[i] = VRIFT_NO_ENTRY;
    if (shared->keys[i].published & 1)
      CHECK(change(&writer, key, &order->entries[i], shared->keys[i].published >> 1, false) == 0, "%s", key);
  }
  for (;;) {
    struct vrift_index_writer next;
    CHECK(ptrace(PTRACE_TRACEME, 0, 0, 0) == 0 || errno == EPERM, "ptrace");
    raise(SIGSTOP);
    if (order->what == GROW) {
      grow_beside(path, &writer, &next);
      raise(SIGUSR1); /* Between making the file and giving it the name. */
      put_in_place(path, &writer, &next);
      raise(SIGUSR2); /* What follows is the test's own. */
      find_all(&writer, order->entries);
    } else if (order->what == MOVE) {
      error = move(&writer);
      CHECK(error == 0, "a move: %s", strerror(error));
      raise(SIGUSR2);
      set(&shared->moved, shared->moved + 1);
      find_all(&writer, order->entries);
    } else {
      key_of(order->number, key);
      error = change(&writer, key, &order->entries[order->number], order->version, order->what == REMOVE);
      CHECK(error == 0, "%s: %s", key, strerror(error));
    }
  }
}

static pid_t start_writer(const char *path, uint32_t capacity) {
  int status;
  pid_t child = fork();
  CHECK(child >= 0, "fork");
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    write_when_told(path, capacity);
  }
  CHECK(waitpid(child, &status, 0) == child && WIFSTOPPED(status), "the writer ended with %x", status);
  CHECK(ptrace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_EXITKILL) == 0, "ptrace");
  return child;
}

/*
 * Every key, while the writer stands still at `step`. Key `changing` is what it was or what it will be, every other what it was.
 * True when a key could not be answered for.
 */
static bool check_all(const struct vrift_index_view *view, int changing, const char *what, uint64_t step) {
  bool unsure = false;
  for (int i = 0; i < KEYS; i++) {
    char key[KEY_ROOM];
    struct vrift_entry copy;
    uint32_t entry, length = key_of(i, key);
    uint64_t was = shared->keys[i].published, will = i == changing ? shared->keys[i].begun : was;
    enum vrift_found found = look(view, key, length, &copy, &entry);
    if (found == VRIFT_UNSURE) {
      unsure = true;
      continue;
    }
    if (found == VRIFT_ABSENT) {
      CHECK(!(was & 1) || !(will & 1), "%s, instruction %llu: %s is absent", what, (unsigned long long)step, key);
      continue;
    }
    CHECK(whole(&copy), "%s, instruction %llu: %s is torn", what, (unsigned long long)step, key);
    CHECK((copy.size == was >> 1 && (was & 1)) || (copy.size == will >> 1 && (will & 1)), "%s, instruction %llu: %s has version %llu", what,
          (unsigned long long)step, key, (unsigned long long)copy.size);
  }
  struct vrift_entry copy;
  uint32_t entry;
  char never[KEY_ROOM];
  snprintf(never, sizeof never, "%s/never", directories[side()]);
  CHECK(look(view, never, (uint32_t)strlen(never), &copy, &entry) != VRIFT_FOUND, "%s, instruction %llu: an invented name", what, (unsigned long long)step);
  /* Listings: each name once, none missing, none invented; or they say that they do not hold. */
  uint32_t directory, listed = 0, expected = 0, limit = vrift_list_limit(view);
  uint64_t begun = vrift_structure_begin(view);
  if (look(view, directories[side()], DIRECTORY_LENGTH, &copy, &directory) != VRIFT_FOUND) return true;
  for (uint32_t e = vrift_first_child(view, directory); e != 0 && limit-- > 0; e = vrift_next_sibling(view, e)) listed++;
  if (!vrift_structure_held(view, begun)) return true;
  for (int i = 0; i < KEYS; i++) expected += shared->keys[i].published & 1;
  uint32_t then = expected;
  if (changing >= 0) then += (shared->keys[changing].begun & 1) - (shared->keys[changing].published & 1);
  CHECK(listed == expected || listed == then, "%s, instruction %llu: %u names listed, not %u or %u", what, (unsigned long long)step, listed, expected, then);
  return unsure;
}

/*
 * Every key while the directory is on its way: nothing under the new name before, nothing under the old one after; in between a
 * key has one of them, or nothing can be said. True in that case.
 */
static bool check_move(const struct vrift_index_view *view, uint64_t step) {
  bool unsure = false;
  int was = side();
  for (int i = 0; i < KEYS; i++) {
    char key[KEY_ROOM];
    struct vrift_entry copy;
    uint32_t entry, length = key_at(!was, i, key);
    enum vrift_found later = look(view, key, length, &copy, &entry), earlier;
    CHECK(later != VRIFT_FOUND || (whole(&copy) && copy.size == shared->keys[i].published >> 1), "move, instruction %llu: %s",
          (unsigned long long)step, key);
    key_at(was, i, key);
    earlier = look(view, key, length, &copy, &entry);
    CHECK(earlier != VRIFT_FOUND || (whole(&copy) && copy.size == shared->keys[i].published >> 1), "move, instruction %llu: %s",
          (unsigned long long)step, key);
    CHECK(earlier != VRIFT_FOUND || later != VRIFT_FOUND, "move, instruction %llu: %s has both names", (unsigned long long)step, key);
    bool there = shared->keys[i].published & 1;
    CHECK(!there || earlier != VRIFT_ABSENT || later != VRIFT_ABSENT, "move, instruction %llu: %s has no name",
          (unsigned long long)step, key);
    CHECK(there || (earlier != VRIFT_FOUND && later != VRIFT_FOUND), "move, instruction %llu: %s is there again",
          (unsigned long long)step, key);
    unsure |= earlier == VRIFT_UNSURE || later == VRIFT_UNSURE;
  }
  return unsure;
}

/* Each kind in its turn, so that a short run has them all; removals and insertions are as many. */
static void choose(uint64_t *version, int turn) {
  static const enum what kinds[9] = {UPDATE, REMOVE, INSERT, UPDATE, REMOVE, INSERT, UPDATE, GROW, MOVE};
  order->what = kinds[turn % 9];
  do order->number = (int)below(KEYS);
  while ((order->what == REMOVE && order->number < STEADY) ||
         (order->what < GROW && (shared->keys[order->number].published & 1) != (order->what != INSERT)));
  order->version = ++*version;
  if (order->what < GROW) shared->keys[order->number].begun = order->version * 2 + (order->what != REMOVE);
}

static const char *const names[WHATS] = {"change", "insertion", "removal", "growth", "move"};

/* What the child did since the last stop is one instruction; the stops of its own are signals. */
enum stop { STEPPED, BETWEEN, DONE };
static enum stop step(pid_t child) {
  int status;
  CHECK(ptrace(PTRACE_SINGLESTEP, child, 0, 0) == 0 && waitpid(child, &status, 0) == child, "ptrace: %s", strerror(errno));
  CHECK(WIFSTOPPED(status), "the writer ended with %x", status);
  if (WSTOPSIG(status) == SIGTRAP) return STEPPED;
  if (WSTOPSIG(status) == SIGUSR2) {
    CHECK(ptrace(PTRACE_CONT, child, 0, 0) == 0 && waitpid(child, &status, 0) == child, "ptrace");
    return DONE;
  }
  return WSTOPSIG(status) == SIGUSR1 ? BETWEEN : DONE;
}

/* Of growth, only what lies behind the making of the new file is walked: the file has no name before, and is large. */
static void continue_growth(pid_t child) {
  int status;
  CHECK(ptrace(PTRACE_CONT, child, 0, 0) == 0 && waitpid(child, &status, 0) == child, "ptrace");
  CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGUSR1, "the writer ended with %x", status);
}

static void populate(uint64_t *version) {
  memset(shared, 0, sizeof *shared);
  for (int i = 0; i < KEYS; i++) {
    bool there = i < STEADY || i % 2 == 0;
    ++*version;
    shared->keys[i].begun = shared->keys[i].published = *version * 2 + there;
  }
}

static void run_stopped(const char *path, int changes) {
  uint64_t version = 0, stops = 0, unsure = 0, done[WHATS] = {0};
  struct mapped mapped = {0}, newest = {0};
  populate(&version);
  pid_t child = start_writer(path, 3 * KEYS);
  map(path, &mapped);
  for (int turn = 0; turn < changes; turn++) {
    choose(&version, turn);
    int changing = order->what >= GROW ? -1 : order->number;
    if (order->what == GROW) continue_growth(child);
    for (uint64_t at = 1;; at++) {
      enum stop stop = step(child);
      stops++;
      if (order->what == MOVE) {
        if (stop == DONE) break;
        unsure += check_move(&mapped.view, at);
        continue;
      }
      bool odd = check_all(&mapped.view, changing, names[order->what], at);
      CHECK(!odd || order->what != UPDATE, "unsure in a change in place, instruction %llu", (unsigned long long)at);
      unsure += odd;
      if (order->what == GROW && at % 16 == 1) {
        /* Whatever has the name at this moment. */
        map(path, &newest);
        check_all(&newest.view, -1, "growth, by name", at);
      }
      if (stop == DONE) break;
    }
    if (changing >= 0) shared->keys[changing].published = shared->keys[changing].begun;
    if (vrift_index_superseded(&mapped.view)) map(path, &mapped);
    CHECK(vrift_index_alive(&mapped.view), "the writer lives");
    CHECK(!check_all(&mapped.view, -1, "after it", 0), "unsure at rest, after a %s", names[order->what]);
    done[order->what]++;
    /* Keys of removed names are won back by growth alone; a move takes those of all. */
    if (mapped.view.header->keys_used + KEYS * KEY_ROOM > mapped.view.header->keys_size && order->what != GROW) {
      order->what = GROW;
      continue_growth(child);
      while (step(child) != DONE);
      map(path, &mapped);
    }
  }
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  printf("{\"changes\":%llu,\"insertions\":%llu,\"removals\":%llu,\"growths\":%llu,\"moves\":%llu,\"stops\":%llu,\"unsure\":%llu}\n",
         (unsigned long long)done[UPDATE], (unsigned long long)done[INSERT], (unsigned long long)done[REMOVE],
         (unsigned long long)done[GROW], (unsigned long long)done[MOVE], (unsigned long long)stops, (unsigned long long)unsure);
}

static void run_killed(const char *path, int rounds) {
  uint64_t version = 0, odd = 0, slowest = 0;
  for (int round = 0; round < rounds; round++) {
    struct mapped mapped = {0}, next = {0};
    populate(&version);
    pid_t child = start_writer(path, 3 * KEYS);
    map(path, &mapped);
    choose(&version, round);
    int changing = order->what >= GROW ? -1 : order->number;
    if (order->what == GROW) continue_growth(child);
    for (uint32_t left = below(order->what == GROW ? 60 : order->what == MOVE ? 30000 : 700); left > 0 && step(child) != DONE; left--);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    /* The kernel says so itself, to whichever file a program has mapped. */
    uint64_t start = now_ns();
    while (vrift_index_alive(&mapped.view)) CHECK(now_ns() - start < 5000000000ull, "alive after SIGKILL");
    if (now_ns() - start > slowest) slowest = now_ns() - start;
    if (order->what == MOVE) {
      odd += check_move(&mapped.view, 0);
    } else {
      odd += check_all(&mapped.view, changing, names[order->what], 0);
    }
    map(path, &next);
    if (order->what != MOVE) check_all(&next.view, changing, names[order->what], 0);
    CHECK(!vrift_index_usable(&next.view), "the file of a killed writer is trusted");
    /* The next writer knows nothing of the change that was not acknowledged; it makes a file of its own under the name. */
    pid_t second = start_writer(path, 3 * KEYS);
    map(path, &next);
    CHECK(vrift_index_alive(&next.view) && !check_all(&next.view, -1, "next writer", 0), "unsure in a new file");
    kill(second, SIGKILL);
    waitpid(second, NULL, 0);
    munmap(mapped.at, mapped.size);
    munmap(next.at, next.size);
  }
  printf("{\"kills\":%d,\"odd\":%llu,\"slowest_us\":%llu}\n", rounds, (unsigned long long)odd, (unsigned long long)slowest / 1000);
}

int main(int count, char **words) {
  CHECK(count >= 5, "index_torture versions FILE MS READERS SEED | stopped FILE CHANGES SEED | killed FILE ROUNDS SEED");
  const char *what = words[1], *path = words[2];
  shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  order = mmap(NULL, sizeof *order, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(shared != MAP_FAILED && order != MAP_FAILED, "mmap");
  uint64_t amount = strtoull(words[3], NULL, 10), seed = strtoull(words[count - 1], NULL, 10);
  random_state = seed;
  if (strcmp(what, "versions") == 0 && count == 6)
    run_versions(path, amount, atoi(words[4]), seed);
  else if (strcmp(what, "stopped") == 0)
    run_stopped(path, (int)amount);
  else if (strcmp(what, "killed") == 0)
    run_killed(path, (int)amount);
  else
    return 2;
  return 0;
}
