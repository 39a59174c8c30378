/*
 * The index writer and the C reader, held together outside Node so that sanitizers can watch; run by
 * src/vdir/index-native.test.ts.
 *
 *   index_check model FILE SEED     random inserts, changes, removals and growth against a plain table
 *   index_check hostile FILE SEED   damaged copies of a file: every reader function stays inside it
 *   index_check race FILE MS        readers beside a writer: no torn entry, no lost name, no invented one
 *   index_check find FILE           keys as hex lines on stdin; entry numbers or -1 on stdout
 *   index_check bench FILE          nanoseconds of a lookup
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "index_reader.h"
#include "index_writer.h"

#define CHECK(condition)                                                           \
  do {                                                                             \
    if (!(condition)) {                                                            \
      fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition);    \
      exit(1);                                                                     \
    }                                                                              \
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

static void create(const char *path, uint32_t entries, uint64_t keys, struct vrift_index_writer *writer) {
  struct vrift_index_options options = {.entry_capacity = entries,
                                        .keys_size = keys,
                                        .root_ino = 2,
                                        .root_path = "/proj",
                                        .source_path = "/home/u/.vrift/the_source"};
  memset(options.workspace_id, 'a', sizeof options.workspace_id);
  unlink(path);
  int error = vrift_writer_create(path, &options, writer);
  if (error) fprintf(stderr, "create: %s\n", strerror(error));
  CHECK(error == 0);
}

/* Every field follows from one number, so that a mixture of two values shows. */
static struct vrift_index_value value_of(uint64_t number, uint16_t flags) {
  struct vrift_index_value value = {.size = number,
                                    .mtime_ns = (int64_t)~number,
                                    .ctime_ns = (int64_t)(number * 3),
                                    .ino = number ^ 0x5555,
                                    .mode = (uint32_t)(number * 7),
                                    .blocks = (uint32_t)(number * 11),
                                    .flags = flags};
  for (int i = 0; i < 4; i++) memcpy(value.content_hash + 8 * i, &number, 8);
  return value;
}

static int whole(const struct vrift_entry *entry) {
  struct vrift_index_value value = value_of(entry->size, entry->flags);
  return entry->mtime_ns == value.mtime_ns && entry->ctime_ns == value.ctime_ns && entry->ino == value.ino &&
         entry->mode == (uint16_t)value.mode && entry->blocks == value.blocks &&
         memcmp(entry->content_hash, value.content_hash, 32) == 0;
}

static enum vrift_found look(const struct vrift_index_view *view, const char *key, struct vrift_entry *copy,
                             uint32_t *entry) {
  uint64_t length = strlen(key);
  return vrift_index_lookup(view, (const uint8_t *)key, length, vrift_path_hash((const uint8_t *)key, length), copy, entry);
}

/* --- model ----------------------------------------------------------------------------------------------------------- */

enum { MODEL_KEYS = 600 };
struct model_key {
  char key[96];
  int parent; /* of the model; -1: the root */
  int present, is_dir, children;
  uint64_t number;
};
static struct model_key model[MODEL_KEYS];

static void make_model_keys(void) {
  for (int i = 0; i < MODEL_KEYS; i++) {
    struct model_key *key = &model[i];
    key->parent = i < 20 ? -1 : (int)below((uint32_t)(i < 300 ? i : 300));
    const char *above = key->parent < 0 ? "" : model[key->parent].key;
    if (strlen(above) > 70) key->parent = -1, above = "";
    snprintf(key->key, sizeof key->key, "%s%sn%x", above, *above ? "/" : "", i);
  }
}

static void check_model(const struct vrift_index_view *view) {
  uint32_t present = 1;
  for (int i = 0; i < MODEL_KEYS; i++) {
    struct vrift_entry copy;
    uint32_t entry;
    enum vrift_found found = look(view, model[i].key, &copy, &entry);
    CHECK(found == (model[i].present ? VRIFT_FOUND : VRIFT_ABSENT));
    if (!model[i].present) continue;
    present++;
    CHECK(copy.size == model[i].number && whole(&copy));
    const uint8_t *name = vrift_entry_name(view, &copy);
    CHECK(name && copy.name_length == strlen(strrchr(model[i].key, 'n')));
    uint64_t begun = vrift_structure_begin(view);
    int children = 0;
    for (uint32_t child = vrift_first_child(view, entry); child != 0; child = vrift_next_sibling(view, child)) {
      struct vrift_entry listed;
      CHECK(vrift_entry_read(view, child, &listed) == 0 && listed.parent == entry);
      CHECK((uint32_t)++children <= vrift_list_limit(view));
    }
    CHECK(vrift_structure_held(view, begun));
    CHECK(children == model[i].children);
  }
  CHECK(view->header->entry_count == present);
}

static int grown;

static void grow(const char *path, struct vrift_index_writer *writer, struct vrift_move_room room) {
  char next_path[4096];
  struct vrift_index_writer next;
  snprintf(next_path, sizeof next_path, "%s.grow", path);
  unlink(next_path);
  uint32_t capacity = writer->header->entry_limit;
  if (writer->header->entry_count == capacity) capacity += capacity / 2;
  if (capacity < writer->header->entry_count + room.entries) capacity = writer->header->entry_count + room.entries;
  CHECK(vrift_writer_grow(writer, next_path, capacity, 3000 + room.key_bytes, &next) == 0);
  CHECK(rename(next_path, path) == 0);
  vrift_writer_release(writer);
  vrift_writer_unmap(writer);
  *writer = next;
  grown++;
}

static int change(struct vrift_index_writer *writer, struct model_key *key) {
  const uint8_t *bytes = (const uint8_t *)key->key;
  uint64_t length = strlen(key->key), number = random_u64();
  uint32_t entry = vrift_index_find(&writer->view, bytes, length, vrift_path_hash(bytes, length));
  struct model_key *parent = key->parent < 0 ? NULL : &model[key->parent];
  int is_dir = key->children > 0 || below(2);
  struct vrift_index_value value = value_of(number, is_dir ? VRIFT_ENTRY_DIR : VRIFT_ENTRY_VIRTUAL);
  int error;
  CHECK((entry != VRIFT_NO_ENTRY) == key->present);
  if (!key->present) {
    error = vrift_writer_insert(writer, bytes, length, &value, &entry);
    if (error == ENOSPC) return ENOSPC;
    CHECK(error == (!parent || (parent->present && parent->is_dir) ? 0 : parent->present ? ENOTDIR : ENOENT));
    if (error) return 0;
    key->present = 1;
    if (parent) parent->children++;
  } else if (below(2)) {
    error = vrift_writer_remove(writer, entry);
    CHECK(error == (key->children ? ENOTEMPTY : 0));
    if (error) return 0;
    key->present = 0;
    if (parent) parent->children--;
    return 0;
  } else {
    CHECK(vrift_writer_insert(writer, bytes, length, &value, &entry) == EEXIST);
    CHECK(vrift_writer_update(writer, entry, &value) == 0);
  }
  key->number = number;
  key->is_dir = is_dir;
  return 0;
}

static uint32_t number_of(const struct vrift_index_writer *writer, const char *key) {
  uint64_t length = strlen(key);
  return vrift_index_find(&writer->view, (const uint8_t *)key, length, vrift_path_hash((const uint8_t *)key, length));
}

static int is_below(const char *key, const char *directory) {
  size_t length = strlen(directory);
  return strncmp(key, directory, length) == 0 && (key[length] == 0 || key[length] == '/');
}

/* Its children name it as their parent, are found under its key and their names, and are linked both ways. */
static void check_children(const struct vrift_index_view *view, const char *key, uint32_t entry, int number) {
  int children = 0;
  uint32_t before = 0;
  for (uint32_t child = vrift_first_child(view, entry); child != 0; child = vrift_next_sibling(view, child)) {
    struct vrift_entry listed, found;
    uint32_t found_at;
    char name[700];
    CHECK(vrift_entry_read(view, child, &listed) == 0 && (listed.flags & VRIFT_ENTRY_FREE) == 0);
    CHECK(listed.parent == entry && listed.prev == before);
    snprintf(name, sizeof name, "%s/%.*s", key, listed.name_length, (const char *)vrift_entry_name(view, &listed));
    CHECK(look(view, name, &found, &found_at) == VRIFT_FOUND && found_at == child);
    CHECK((uint32_t)++children <= vrift_list_limit(view));
    before = child;
  }
  /* One that is moved away, or to below it, is not in the model. */
  CHECK(children >= model[number].children - 1 && children <= model[number].children + 1);
}

/* Every name at or below `key` has its new key and kept its value, and the others are where they were; all are listed. */
static void check_moved(const struct vrift_index_writer *writer, const char *key, const char *to, const uint32_t *numbers) {
  for (int i = 0; i < MODEL_KEYS; i++) {
    char expected[400];
    struct vrift_entry copy;
    uint32_t entry;
    if (!model[i].present) continue;
    int moved = is_below(model[i].key, key);
    CHECK(strlen(to) + strlen(model[i].key) < sizeof expected);
    strcpy(expected, moved ? to : model[i].key);
    if (moved) strcat(expected, model[i].key + strlen(key));
    CHECK(look(&writer->view, expected, &copy, &entry) == VRIFT_FOUND);
    CHECK((moved || !numbers || entry == numbers[i]) && copy.size == model[i].number && whole(&copy));
    if (moved) CHECK(number_of(writer, model[i].key) == VRIFT_NO_ENTRY);
    check_children(&writer->view, expected, entry, i);
  }
}

static int try_move(struct vrift_index_writer *writer, const char *path, const char *from, const char *to, const char *disk) {
  struct vrift_move_room room;
  int error = vrift_writer_move_room(writer, number_of(writer, from), strlen(to), &room);
  CHECK(error == 0);
  error = vrift_writer_move(writer, number_of(writer, from), (const uint8_t *)to, strlen(to), disk, disk);
  CHECK(error != ENOSPC || !room.fits);
  if (error != ENOSPC) return error;
  grow(path, writer, room);
  return vrift_writer_move(writer, number_of(writer, from), (const uint8_t *)to, strlen(to), disk, disk);
}

static void take_numbers(const struct vrift_index_writer *writer, uint32_t *numbers) {
  for (int i = 0; i < MODEL_KEYS; i++) numbers[i] = model[i].present ? number_of(writer, model[i].key) : VRIFT_NO_ENTRY;
}

/* There, with a short name, a name that goes into the pool, or into another directory; and back. */
static void move_and_back(struct vrift_index_writer *writer, const char *path, const struct model_key *key) {
  static uint32_t numbers[MODEL_KEYS];
  char to[300];
  if (!key->present) return;
  const struct model_key *other = &model[below(MODEL_KEYS)];
  snprintf(to, sizeof to, "%s%s%.*s", other->key, below(2) ? "/m" : "-m", (int)below(60),
           "oooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooo");
  uint32_t slash = (uint32_t)(strrchr(to, '/') ? strrchr(to, '/') - to : 0);
  take_numbers(writer, numbers);
  int parent = -1;
  for (int i = 0; i < MODEL_KEYS && slash; i++)
    if (strlen(model[i].key) == slash && strncmp(model[i].key, to, slash) == 0) parent = i;
  int expected = 0;
  if (slash && !model[parent].present) expected = ENOENT;
  else if (slash && !model[parent].is_dir) expected = ENOTDIR;
  else if (slash && is_below(model[parent].key, key->key)) expected = EINVAL;
  int growths = grown, error = try_move(writer, path, key->key, to, NULL);
  CHECK(error == expected);
  if (error) return;
  check_moved(writer, key->key, to, growths == grown ? numbers : NULL);
  /* One that holds more than the entry that has just left it. */
  int lost_one = key->parent >= 0 && &model[key->parent] == other;
  if (other != key && other->children > lost_one && !is_below(other->key, key->key))
    CHECK(try_move(writer, path, to, other->key, NULL) == ENOTEMPTY);
  /* What cannot be renamed on disk stays in the index, too. */
  CHECK(try_move(writer, path, to, "elsewhere", "/absent/name") == ENOENT);
  check_moved(writer, key->key, to, NULL);
  /* In place of a name with nothing below it. */
  struct vrift_index_value value = value_of(7, VRIFT_ENTRY_DIR);
  uint32_t taken;
  if (vrift_writer_insert(writer, (const uint8_t *)"elsewhere", 9, &value, &taken) == 0) {
    uint32_t count = writer->header->entry_count;
    CHECK(try_move(writer, path, to, "elsewhere", NULL) == 0);
    check_moved(writer, key->key, "elsewhere", NULL);
    CHECK(writer->header->entry_count == count - 1);
    strcpy(to, "elsewhere");
  }
  CHECK(try_move(writer, path, to, key->key, NULL) == 0);
}

static void run_model(const char *path) {
  struct vrift_index_writer writer;
  make_model_keys();
  create(path, 8, 200, &writer);
  for (int step = 0; step < 30000; step++) {
    if (change(&writer, &model[below(MODEL_KEYS)]) == ENOSPC) grow(path, &writer, (struct vrift_move_room){0});
    if (step % 20 == 0) move_and_back(&writer, path, &model[below(MODEL_KEYS)]);
    if (step % 500 == 0) check_model(&writer.view);
  }
  check_model(&writer.view);
  CHECK(grown > 3);
  const char *bad[] = {"/a", "a/", "a//b", "", "/", NULL};
  struct vrift_index_value value = value_of(1, VRIFT_ENTRY_VIRTUAL);
  uint32_t entry;
  for (int i = 0; bad[i]; i++) CHECK(vrift_writer_insert(&writer, (const uint8_t *)bad[i], strlen(bad[i]), &value, &entry));
  CHECK(vrift_writer_remove(&writer, 0) == EBUSY);
  CHECK(vrift_writer_move(&writer, 0, (const uint8_t *)"x", 1, NULL, NULL) == EBUSY);
  CHECK(vrift_writer_move(&writer, 4000000, (const uint8_t *)"x", 1, NULL, NULL) == ENOENT);
  CHECK(vrift_writer_update(&writer, 0, &value) == ENOTEMPTY);
  CHECK(vrift_writer_update(&writer, 4000000, &value) == ENOENT);
  printf("grown %d times\n", grown);
  vrift_writer_release(&writer);
  vrift_writer_unmap(&writer);
}

/* --- hostile --------------------------------------------------------------------------------------------------------- */

static void use_everything(const struct vrift_index_view *view) {
  struct vrift_entry copy;
  uint32_t entry;
  volatile uint64_t sum = 0;
  for (int i = 0; i < 40; i++) {
    char key[64];
    snprintf(key, sizeof key, "dir%d/file%d", i % 5, i);
    if (look(view, key, &copy, &entry) != VRIFT_FOUND) continue;
    const uint8_t *name = vrift_entry_name(view, &copy);
    CHECK(name);
    for (int j = 0; j < copy.name_length; j++) sum += name[j];
  }
  for (uint32_t number = 0; number < 80; number++) {
    if (vrift_entry_read(view, number, &copy) != 0) continue;
    const uint8_t *key = vrift_entry_key(view, &copy);
    for (int j = 0; key && j < copy.key_length; j++) sum += key[j];
    uint32_t limit = vrift_list_limit(view);
    for (uint32_t e = vrift_first_child(view, number); e != 0 && limit-- > 0; e = vrift_next_sibling(view, e)) sum++;
  }
  sum += strlen(vrift_index_root(view)) + strlen(vrift_index_source(view));
  uint64_t hash = random_u64();
  sum += (uint64_t)vrift_mark_clean(view, view->seen, hash) + (uint64_t)vrift_index_usable(view);
}

/* In the parts where numbers are: header, slots and entries; sometimes a number that is likely to be near a bound. */
static void damage(uint8_t *copy, const struct vrift_index_header *good) {
  const uint64_t interesting[] = {0, 1, 63, 64, 16384, 0x7fffffff, 0x80000000, 0xffffffff, ~0ull, good->file_size,
                                  good->file_size - 64, good->keys_offset, good->keys_size, good->entry_capacity};
  uint64_t starts[] = {0, good->tags_offset, good->entries_offset};
  uint64_t lengths[] = {sizeof *good, 2ull * good->entry_capacity, sizeof(struct vrift_index_entry) * 80ull};
  for (uint32_t times = 1 + below(6); times > 0; times--) {
    uint32_t part = below(3);
    uint64_t at = starts[part] + below((uint32_t)lengths[part] / 4) * 4, value = random_u64();
    if (below(2)) value = interesting[below(sizeof interesting / sizeof *interesting)];
    memcpy(copy + at, &value, below(2) ? 4 : 8);
  }
}

static void run_hostile(const char *path) {
  struct vrift_index_writer writer;
  create(path, 64, 2000, &writer);
  for (int i = -5; i < 40; i++) {
    char key[64];
    uint32_t entry;
    struct vrift_index_value value = value_of((uint64_t)i, i < 0 ? VRIFT_ENTRY_DIR : VRIFT_ENTRY_VIRTUAL);
    if (i < 0)
      snprintf(key, sizeof key, "dir%d", i + 5);
    else
      snprintf(key, sizeof key, "dir%d/file%d", i % 5, i);
    CHECK(vrift_writer_insert(&writer, (uint8_t *)key, strlen(key), &value, &entry) == 0);
  }
  uint64_t size = writer.size;
  struct vrift_index_view view;
  int accepted = 0, refused = 0;
  CHECK(vrift_index_validate(writer.header, size, &view) == 0);
  use_everything(&view);
  /* A truncated file is refused at every length; only the header may be looked at. */
  for (uint64_t length = 0; length < size; length += 1 + below(4096)) {
    uint8_t *copy = aligned_alloc(64, (length + 63) / 64 * 64 + 64);
    memcpy(copy, writer.header, length);
    CHECK(vrift_index_validate(copy, length, &view) != 0);
    free(copy);
  }
  uint8_t *copy = aligned_alloc(64, size);
  for (int round = 0; round < 3000; round++) {
    memcpy(copy, writer.header, size);
    damage(copy, writer.header);
    if (vrift_index_validate(copy, size, &view) != 0) {
      refused++;
      continue;
    }
    accepted++;
    use_everything(&view);
  }
  free(copy);
  CHECK(accepted > 100 && refused > 100);
  printf("accepted %d, refused %d\n", accepted, refused);
  vrift_writer_release(&writer);
  vrift_writer_unmap(&writer);
}

/* --- race ------------------------------------------------------------------------------------------------------------ */

enum { RACE_KEYS = 64, RACE_MOVING = 40 };
static struct vrift_index_writer race_writer;
static int race_over;
static uint64_t race_reads, race_unsure, race_lists;
static const char *const race_names[] = {"here", "there"};

/* Of a directory that is moved back and forth: never a name of both places, and in a quiet moment one of them. */
static void read_moving(const struct vrift_index_view *view, uint64_t round) {
  struct vrift_entry copy;
  uint32_t entry;
  char key[2][32];
  enum vrift_found found[2];
  for (int i = 0; i < 2; i++) {
    int side = (int)((round + (uint64_t)i) % 2);
    snprintf(key[i], sizeof key[i], "%s/f%d", race_names[side], (int)((round * 7 + (uint64_t)i * 13) % RACE_MOVING));
  }
  uint64_t begun = __atomic_load_n(&view->header->structure_seq, __ATOMIC_ACQUIRE);
  for (int i = 0; i < 2; i++) found[i] = look(view, key[i], &copy, &entry);
  __atomic_thread_fence(__ATOMIC_ACQUIRE);
  if (__atomic_load_n(&view->header->structure_seq, __ATOMIC_RELAXED) != begun) return;
  CHECK(found[0] != VRIFT_FOUND || found[1] != VRIFT_FOUND);
  CHECK((begun & 1) == 1 || found[0] == VRIFT_FOUND || found[1] == VRIFT_FOUND);
  CHECK((begun & 1) == 0 || (found[0] != VRIFT_ABSENT && found[1] != VRIFT_ABSENT));
}

static void race_key(char *key, int number) { snprintf(key, 32, "%s%d", number % 2 ? "d/comes-and-goes-" : "d/stays-", number); }

static void *race_reader(void *unused) {
  (void)unused;
  uint64_t reads = 0, unsure = 0, lists = 0;
  const struct vrift_index_view *view = &race_writer.view;
  for (uint64_t i = 0; !__atomic_load_n(&race_over, __ATOMIC_ACQUIRE); i++) {
    struct vrift_entry copy;
    uint32_t entry, directory;
    char key[32];
    race_key(key, (int)(i % RACE_KEYS));
    enum vrift_found found = look(view, key, &copy, &entry);
    CHECK(i % 2 == 1 || found != VRIFT_ABSENT);
    CHECK(found != VRIFT_FOUND || whole(&copy));
    reads++;
    unsure += found == VRIFT_UNSURE;
    CHECK(look(view, "d/never", &copy, &entry) != VRIFT_FOUND);
    read_moving(view, i);
    if (i % 16 != 0) continue;
    uint64_t begun = vrift_structure_begin(view);
    CHECK(look(view, "d", &copy, &directory) == VRIFT_FOUND);
    uint32_t limit = vrift_list_limit(view), steady = 0, unread = 0;
    for (uint32_t e = vrift_first_child(view, directory); e != 0 && limit-- > 0; e = vrift_next_sibling(view, e)) {
      /* A writer that loses the processor in the middle of a change keeps its entry from being read for that long. */
      if (vrift_entry_read(view, e, &copy) != 0) {
        unread++;
        continue;
      }
      const uint8_t *name = vrift_entry_name(view, &copy);
      CHECK(name);
      steady += copy.name_length > 5 && vrift_bytes_equal(name, (const uint8_t *)"stays", 5);
    }
    if (!vrift_structure_held(view, begun)) continue;
    lists += unread == 0;
    CHECK(steady <= RACE_KEYS / 2 && steady + unread >= RACE_KEYS / 2);
  }
  __atomic_fetch_add(&race_reads, reads, __ATOMIC_RELAXED);
  __atomic_fetch_add(&race_unsure, unsure, __ATOMIC_RELAXED);
  __atomic_fetch_add(&race_lists, lists, __ATOMIC_RELAXED);
  return NULL;
}

static void run_race(const char *path, uint64_t milliseconds) {
  struct vrift_index_value value = value_of(0, VRIFT_ENTRY_DIR);
  uint32_t entry, entries[RACE_KEYS];
  char key[32];
  uint64_t writes = 0;
  create(path, 256, 64u << 20, &race_writer);
  CHECK(vrift_writer_insert(&race_writer, (const uint8_t *)"d", 1, &value, &entry) == 0);
  for (int i = 0; i < RACE_KEYS; i++) {
    race_key(key, i);
    value = value_of(random_u64(), VRIFT_ENTRY_VIRTUAL);
    CHECK(vrift_writer_insert(&race_writer, (uint8_t *)key, strlen(key), &value, &entries[i]) == 0);
  }
  for (int i = -1; i < RACE_MOVING; i++) {
    snprintf(key, sizeof key, i < 0 ? "here" : "here/f%d", i);
    value = value_of(random_u64(), i < 0 ? VRIFT_ENTRY_DIR : VRIFT_ENTRY_VIRTUAL);
    CHECK(vrift_writer_insert(&race_writer, (uint8_t *)key, strlen(key), &value, &entry) == 0);
  }
  uint64_t moves = 0;
  pthread_t readers[2];
  for (int i = 0; i < 2; i++) CHECK(pthread_create(&readers[i], NULL, race_reader, NULL) == 0);
  for (uint64_t end = now_ns() + milliseconds * 1000000; now_ns() < end; writes++) {
    int i = (int)below(RACE_KEYS);
    value = value_of(random_u64(), VRIFT_ENTRY_VIRTUAL);
    race_key(key, i);
    if (i % 2 == 0) {
      CHECK(vrift_writer_update(&race_writer, entries[i], &value) == 0);
    } else if (entries[i] != VRIFT_NO_ENTRY) {
      CHECK(vrift_writer_remove(&race_writer, entries[i]) == 0);
      entries[i] = VRIFT_NO_ENTRY;
    } else if (vrift_writer_insert(&race_writer, (uint8_t *)key, strlen(key), &value, &entries[i]) == ENOSPC) {
      break; /* the key pool is used up; growth is not what this tests */
    }
    if (writes % 16 == 0) {
      const char *from = race_names[moves % 2], *to = race_names[++moves % 2];
      CHECK(vrift_writer_move(&race_writer, number_of(&race_writer, from), (const uint8_t *)to, strlen(to), NULL, NULL) == 0);
    }
    /* Quiet moments, as between two messages of a daemon: else no listing would ever hold. */
    if (writes % 64 == 0) nanosleep(&(struct timespec){.tv_nsec = 20000}, NULL);
  }
  __atomic_store_n(&race_over, 1, __ATOMIC_RELEASE);
  for (int i = 0; i < 2; i++) pthread_join(readers[i], NULL);
  CHECK(race_reads > 1000 && race_lists > 10 && race_unsure < race_reads);
  CHECK(moves > 100);
  printf("%llu writes, %llu moves, %llu reads, %llu unsure, %llu listings\n", (unsigned long long)writes,
         (unsigned long long)moves,
         (unsigned long long)race_reads, (unsigned long long)race_unsure, (unsigned long long)race_lists);
}

/* --- find, bench ----------------------------------------------------------------------------------------------------- */

static void map_file(const char *path, struct vrift_index_view *view) {
  struct stat status;
  int fd = open(path, O_RDONLY);
  CHECK(fd >= 0 && fstat(fd, &status) == 0);
  void *map = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_SHARED, fd, 0);
  CHECK(map != MAP_FAILED && vrift_index_validate(map, (uint64_t)status.st_size, view) == 0);
  close(fd);
}

static void run_find(const char *path) {
  struct vrift_index_view view;
  static char line[2 * 70000];
  static uint8_t key[70000];
  map_file(path, &view);
  while (fgets(line, sizeof line, stdin)) {
    uint64_t length = strcspn(line, "\n") / 2;
    for (uint64_t i = 0; i < length; i++) sscanf(line + 2 * i, "%2hhx", &key[i]);
    struct vrift_entry copy;
    uint32_t entry;
    enum vrift_found found = vrift_index_lookup(&view, key, length, vrift_path_hash(key, length), &copy, &entry);
    printf("%d\n", found == VRIFT_FOUND ? (int)entry : found == VRIFT_ABSENT ? -1 : -2);
  }
}

static void time_lookups(const struct vrift_index_view *view, char (*keys)[88], uint32_t count, const char *what) {
  struct vrift_entry copy;
  uint32_t entry, found = 0, rounds = 4000000 / count;
  uint64_t best = UINT64_MAX;
  for (int repeat = 0; repeat < 5; repeat++) {
    uint64_t start = now_ns();
    for (uint32_t round = 0; round < rounds; round++)
      for (uint32_t i = 0; i < count; i++) {
        const uint8_t *key = (const uint8_t *)keys[i];
        found += vrift_index_lookup(view, key, 77, vrift_path_hash(key, 77), &copy, &entry) == VRIFT_FOUND;
      }
    uint64_t took = (now_ns() - start) * 10 / ((uint64_t)rounds * count);
    if (took < best) best = took;
  }
  printf("%-34s %4llu.%llu ns  (%s)\n", what, (unsigned long long)best / 10, (unsigned long long)best % 10,
         found ? "found" : "absent");
}

static void run_bench(const char *path) {
  struct vrift_index_writer writer;
  enum { COUNT = 100000 };
  static char keys[COUNT][88], absent[COUNT][88];
  struct vrift_index_value value = value_of(0, VRIFT_ENTRY_DIR);
  uint32_t entry;
  create(path, COUNT + 2000, 90ull * COUNT, &writer);
  CHECK(vrift_writer_insert(&writer, (const uint8_t *)"node_modules", 12, &value, &entry) == 0);
  uint64_t start = now_ns();
  for (int i = 0; i < COUNT; i++) {
    snprintf(keys[i], 88, "node_modules/some-package-name-%06d-with-a-path-of-seventy-seven-bytes-a.js", i);
    snprintf(absent[i], 88, "node_modules/some-package-name-%06d-with-a-path-of-seventy-seven-bytes-a.ts", i);
    CHECK(keys[i][76] == 's' && keys[i][77] == 0);
    absent[i][20] ^= 1;
    CHECK(vrift_writer_insert(&writer, (uint8_t *)keys[i], 77, &value, &entry) == 0);
  }
  printf("%-34s %4llu ns\n", "insert", (unsigned long long)((now_ns() - start) / COUNT));
  for (int i = COUNT - 1; i > 0; i--) {
    char swap[88];
    int j = (int)below((uint32_t)i + 1);
    memcpy(swap, keys[i], 88);
    memcpy(keys[i], keys[j], 88);
    memcpy(keys[j], swap, 88);
  }
  struct vrift_index_view view;
  map_file(path, &view);
  time_lookups(&view, keys, 256, "256 keys of 77 bytes");
  time_lookups(&view, absent, 256, "256 absent keys of 77 bytes");
  time_lookups(&view, keys, COUNT, "100,000 keys in random order");
  time_lookups(&view, absent, COUNT, "100,000 absent keys");
}

int main(int count, char **arguments) {
  CHECK(count >= 3);
  const char *what = arguments[1], *path = arguments[2];
  random_state = count > 3 ? strtoull(arguments[3], NULL, 10) : 1;
  if (strcmp(what, "model") == 0)
    run_model(path);
  else if (strcmp(what, "hostile") == 0)
    run_hostile(path);
  else if (strcmp(what, "race") == 0)
    run_race(path, random_state);
  else if (strcmp(what, "find") == 0)
    run_find(path);
  else if (strcmp(what, "bench") == 0)
    run_bench(path);
  else
    CHECK(!"a known command");
  return 0;
}
