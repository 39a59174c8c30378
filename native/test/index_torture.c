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
 * Keys 0 to STEADY-1 are never removed. Some are longer than what an entry holds itself. What is said of a key in memory
 * shared by all: `begun` is stored before the writer's call, `published` after it. A word is version * 2 + (1 when there).
 */
enum { KEYS = 48, STEADY = 16, KEY_ROOM = 200 };
struct said {
  uint64_t begun, published;
};
struct shared {
  struct said keys[KEYS];
  uint64_t over, changes, growths, reads, found, absent, unsure, lists, mapped;
};
static struct shared *shared;

static uint64_t get(const uint64_t *word) { return __atomic_load_n(word, __ATOMIC_SEQ_CST); }
static void set(uint64_t *word, uint64_t value) { __atomic_store_n(word, value, __ATOMIC_SEQ_CST); }

static uint32_t key_of(int number, char *key) {
  return (uint32_t)snprintf(key, KEY_ROOM, "directory/%s%s-%d", number < STEADY ? "steady" : "fleeting",
                            number % 3 == 0 ? "-with-a-name-that-is-longer-than-an-entry-has-room-for-and-so-lies-in-the-pool-of-keys" : "",
                            number);
}

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
      .entry_capacity = entries, .keys_size = 1 << 14, .root_ino = 2, .root_path = "/proj", .source_path = "/source"};
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
  int error = vrift_writer_grow(writer, beside, writer->header->entry_limit, 1 << 14, next);
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
  uint64_t begun = vrift_structure_begin(view);
  enum vrift_found found = look(view, "directory", 9, &copy, &directory);
  CHECK(found != VRIFT_ABSENT, "the directory");
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

static void check_read(const char *path, struct mapped *mapped, int number, const char *key, uint32_t length, uint64_t *counts) {
  struct vrift_entry copy;
  uint32_t entry;
  uint64_t before = get(&shared->keys[number].published);
  enum vrift_found found = look(&mapped->view, key, length, &copy, &entry);
  /* As the library does: whether a newer file has the name is asked after the entry was read. */
  if (vrift_index_superseded(&mapped->view)) {
    map(path, mapped);
    counts[3]++;
    return;
  }
  uint64_t after = get(&shared->keys[number].begun);
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
  static char keys[KEYS][KEY_ROOM];
  uint32_t lengths[KEYS];
  struct mapped mapped = {0};
  uint64_t counts[4] = {0};
  random_state = seed;
  for (int i = 0; i < KEYS; i++) lengths[i] = key_of(i, keys[i]);
  map(path, &mapped);
  while (!get(&shared->over)) {
    for (int i = 0; i < 256; i++) {
      int number = (int)below(KEYS);
      check_read(path, &mapped, number, keys[number], lengths[number], counts);
    }
    check_listing(&mapped.view);
  }
  __atomic_fetch_add(&shared->found, counts[0], __ATOMIC_RELAXED);
  __atomic_fetch_add(&shared->absent, counts[1], __ATOMIC_RELAXED);
  __atomic_fetch_add(&shared->unsure, counts[2], __ATOMIC_RELAXED);
  __atomic_fetch_add(&shared->mapped, counts[3], __ATOMIC_RELAXED);
  __atomic_fetch_add(&shared->reads, counts[0] + counts[1] + counts[2], __ATOMIC_RELAXED);
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

static void run_versions(const char *path, uint64_t milliseconds, int readers, uint64_t seed) {
  static char keys[KEYS][KEY_ROOM];
  uint32_t entries[KEYS], directory;
  uint64_t version = 0;
  int error;
  struct vrift_index_writer writer;
  struct vrift_index_value value = {.flags = VRIFT_ENTRY_DIR | VRIFT_ENTRY_BACKED};
  create(path, KEYS + 8, &writer);
  directory = insert(&writer, "directory", &value, &error);
  CHECK(error == 0 && directory != 0, "%d", error);
  for (int i = 0; i < KEYS; i++) {
    key_of(i, keys[i]);
    entries[i] = VRIFT_NO_ENTRY;
    CHECK(change(&writer, keys[i], &entries[i], ++version, false) == 0, "%s", keys[i]);
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
      set(&shared->keys[i].begun, word);
      if (change(&writer, keys[i], &entries[i], version, remove) == ENOSPC) {
        grow(path, &writer);
        find_all(&writer, entries);
        CHECK(change(&writer, keys[i], &entries[i], version, remove) == 0, "%s: no room after growth", keys[i]);
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
  }
  set(&shared->over, 1);
  for (int i = 0; i < readers; i++) {
    int status;
    CHECK(waitpid(children[i], &status, 0) == children[i] && status == 0, "a reader ended with %x", status);
  }
  printf("{\"changes\":%llu,\"growths\":%llu,\"reads\":%llu,\"found\":%llu,\"absent\":%llu,\"unsure\":%llu,\"lists\":%llu,\"mapped\":%llu}\n",
         (unsigned long long)shared->changes, (unsigned long long)shared->growths, (unsigned long long)shared->reads,
         (unsigned long long)shared->found, (unsigned long long)shared->absent, (unsigned long long)shared->unsure,
         (unsigned long long)shared->lists, (unsigned long long)shared->mapped);
}

/* --- stopped and killed ---------------------------------------------------------------------------------------------- */

/* The writer is a child that is told what to do through `order`; it stops itself before and after each change. */
enum what { UPDATE, INSERT, REMOVE, GROW, WHATS };
static struct order {
  enum what what;
  int number;
  uint64_t version;
  uint32_t entries[KEYS];
} *order;

static void write_when_told(const char *path, uint32_t capacity) {
  static char keys[KEYS][KEY_ROOM];
  struct vrift_index_writer writer;
  struct vrift_index_value value = {.flags = VRIFT_ENTRY_DIR | VRIFT_ENTRY_BACKED};
  int error;
  create(path, capacity, &writer);
  insert(&writer, "directory", &value, &error);
  CHECK(error == 0, "%d", error);
  for (int i = 0; i < KEYS; i++) {
    key_of(i, keys[i]);
    order->entries[i] = VRIFT_NO_ENTRY;
    if (shared->keys[i].published & 1)
      CHECK(change(&writer, keys[i], &order->entries[i], shared->keys[i].published >> 1, false) == 0, "%s", keys[i]);
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
    } else {
      error = change(&writer, keys[order->number], &order->entries[order->number], order->version, order->what == REMOVE);
      CHECK(error == 0, "%s: %s", keys[order->number], strerror(error));
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
  CHECK(look(view, "directory/never", 15, &copy, &entry) != VRIFT_FOUND, "%s, instruction %llu: an invented name", what, (unsigned long long)step);
  /* Listings: each name once, none missing, none invented; or they say that they do not hold. */
  uint32_t directory, listed = 0, expected = 0, limit = vrift_list_limit(view);
  uint64_t begun = vrift_structure_begin(view);
  if (look(view, "directory", 9, &copy, &directory) != VRIFT_FOUND) return true;
  for (uint32_t e = vrift_first_child(view, directory); e != 0 && limit-- > 0; e = vrift_next_sibling(view, e)) listed++;
  if (!vrift_structure_held(view, begun)) return true;
  for (int i = 0; i < KEYS; i++) expected += shared->keys[i].published & 1;
  uint32_t then = expected;
  if (changing >= 0) then += (shared->keys[changing].begun & 1) - (shared->keys[changing].published & 1);
  CHECK(listed == expected || listed == then, "%s, instruction %llu: %u names listed, not %u or %u", what, (unsigned long long)step, listed, expected, then);
  return unsure;
}

/* Each kind in its turn, so that a short run has them all; removals and insertions are as many. */
static void choose(uint64_t *version, int turn) {
  static const enum what kinds[8] = {UPDATE, REMOVE, INSERT, UPDATE, REMOVE, INSERT, UPDATE, GROW};
  order->what = kinds[turn % 8];
  do order->number = (int)below(KEYS);
  while ((order->what == REMOVE && order->number < STEADY) ||
         (order->what != GROW && (shared->keys[order->number].published & 1) != (order->what != INSERT)));
  order->version = ++*version;
  if (order->what != GROW) shared->keys[order->number].begun = order->version * 2 + (order->what != REMOVE);
}

static const char *const names[WHATS] = {"change", "insertion", "removal", "growth"};

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
  pid_t child = start_writer(path, KEYS + 8);
  map(path, &mapped);
  for (int turn = 0; turn < changes; turn++) {
    choose(&version, turn);
    int changing = order->what == GROW ? -1 : order->number;
    if (order->what == GROW) continue_growth(child);
    for (uint64_t at = 1;; at++) {
      enum stop stop = step(child);
      stops++;
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
    /* Keys of removed names are won back by growth alone. */
    if (mapped.view.header->keys_used + 4 * KEY_ROOM > mapped.view.header->keys_size && order->what != GROW) {
      order->what = GROW;
      continue_growth(child);
      while (step(child) != DONE);
      map(path, &mapped);
    }
  }
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  printf("{\"changes\":%llu,\"insertions\":%llu,\"removals\":%llu,\"growths\":%llu,\"stops\":%llu,\"unsure\":%llu}\n",
         (unsigned long long)done[UPDATE], (unsigned long long)done[INSERT], (unsigned long long)done[REMOVE],
         (unsigned long long)done[GROW], (unsigned long long)stops, (unsigned long long)unsure);
}

static void run_killed(const char *path, int rounds) {
  uint64_t version = 0, odd = 0, slowest = 0;
  for (int round = 0; round < rounds; round++) {
    struct mapped mapped = {0}, next = {0};
    populate(&version);
    pid_t child = start_writer(path, KEYS + 8);
    map(path, &mapped);
    choose(&version, round);
    int changing = order->what == GROW ? -1 : order->number;
    if (order->what == GROW) continue_growth(child);
    for (uint32_t left = below(order->what == GROW ? 60 : 700); left > 0 && step(child) != DONE; left--);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    /* The kernel says so itself, to whichever file a program has mapped. */
    uint64_t start = now_ns();
    while (vrift_index_alive(&mapped.view)) CHECK(now_ns() - start < 5000000000ull, "alive after SIGKILL");
    if (now_ns() - start > slowest) slowest = now_ns() - start;
    odd += check_all(&mapped.view, changing, names[order->what], 0);
    map(path, &next);
    check_all(&next.view, changing, names[order->what], 0);
    CHECK(!vrift_index_usable(&next.view), "the file of a killed writer is trusted");
    /* The next writer knows nothing of the change that was not acknowledged; it makes a file of its own under the name. */
    pid_t second = start_writer(path, KEYS + 8);
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
