#include "descriptors.h"

#include "blob.h"
#include "bytes.h"
#include "openings.h"
#include "place.h"

/* Two words that are written one after the other: a reader that sees half of each finds no entry that fits both. */
struct item {
  uint64_t entry_and_inode; /* entry << 32 | low half of the blob's inode number */
  uint64_t key_hash;
  uint64_t ino; /* what fstat says: stays with the file when it gets another name */
};

static struct item table[DESCRIPTOR_LIMIT];
static int highest = -1;

void descriptor_remember(int fd, uint32_t entry, uint64_t key_hash, uint64_t blob_ino, uint64_t ino) {
  if (fd < 0 || fd >= DESCRIPTOR_LIMIT) return;
  opening_forget(fd);
  __atomic_store_n(&table[fd].ino, ino, __ATOMIC_RELAXED);
  __atomic_store_n(&table[fd].key_hash, key_hash, __ATOMIC_RELAXED);
  __atomic_store_n(&table[fd].entry_and_inode, (uint64_t)entry << 32 | (uint32_t)blob_ino, __ATOMIC_RELEASE);
  if (fd > __atomic_load_n(&highest, __ATOMIC_RELAXED)) __atomic_store_n(&highest, fd, __ATOMIC_RELAXED);
}

void descriptor_copied(int from, int to) {
  if (to < 0 || to >= DESCRIPTOR_LIMIT || from == to) return;
  if (from < 0 || from >= DESCRIPTOR_LIMIT || table[from].entry_and_inode == 0) {
    descriptor_forget(to);
    return;
  }
  uint64_t word = __atomic_load_n(&table[from].entry_and_inode, __ATOMIC_ACQUIRE);
  descriptor_remember(to, (uint32_t)(word >> 32), table[from].key_hash, (uint32_t)word, table[from].ino);
}

void descriptor_forget(int fd) {
  if (fd < 0 || fd >= DESCRIPTOR_LIMIT) return;
  opening_forget(fd);
  if (__atomic_load_n(&table[fd].entry_and_inode, __ATOMIC_RELAXED) != 0)
    __atomic_store_n(&table[fd].entry_and_inode, 0, __ATOMIC_RELAXED);
}

uint64_t descriptor_key(int fd) {
  return fd < 0 || fd >= DESCRIPTOR_LIMIT ? 0 : __atomic_load_n(&table[fd].key_hash, __ATOMIC_RELAXED);
}

/* The entry with this number and key, or with this key: numbers are others in a newer index. */
static bool read_key(const struct view *view, uint32_t number, uint64_t key_hash, struct vrift_entry *entry) {
  if (vrift_entry_read(&view->index, number, entry) == 0 && (entry->flags & VRIFT_ENTRY_FREE) == 0) {
    const uint8_t *key = vrift_entry_key(&view->index, entry);
    if (key != 0 && vrift_path_hash(key, entry->key_length) == key_hash) return true;
  }
  return vrift_index_find_hash(&view->index, key_hash, entry, &number) == 0;
}

/* A name that is moved has neither its old key nor its new one for a moment. */
static bool read_named(const struct view *view, uint32_t number, uint64_t key_hash, struct vrift_entry *entry) {
  for (int waits = 0;; waits++) {
    uint64_t begun = vrift_structure_begin(&view->index);
    if (read_key(view, number, key_hash, entry)) return true;
    if (vrift_structure_held(&view->index, begun) || !view_wait_for_change(view, waits)) return false;
  }
}

/* Is the entry still what was opened: same key, still virtual, of the blob's size? */
static bool fits(const struct view *view, uint32_t number, uint64_t key_hash, const struct stat *st,
                 struct vrift_entry *entry) {
  return read_named(view, number, key_hash, entry) && (entry->flags & VRIFT_ENTRY_VIRTUAL) != 0 &&
         entry->size == (uint64_t)st->st_size;
}

/*
 * A descriptor whose entry has another key now: the one with its inode number. One that came from elsewhere (exec, another
 * process), or whose name is gone: any entry with this content.
 */
static bool search(const struct view *view, int fd, const struct stat *st, uint64_t ino, struct vrift_entry *entry) {
  char path[PATH_SIZE];
  uint8_t hash[32];
  uint64_t size;
  long length = descriptor_path(fd, path);
  if (failed(length) || !blob_parse(view, path, (size_t)length, hash, &size) || size != (uint64_t)st->st_size)
    return false;
  uint32_t limit = vrift_list_limit(&view->index);
  struct vrift_entry other;
  bool has_other = false;
  for (uint32_t number = 0; number < limit; number++) {
    if (memcmp(view->index.hashes + 32ull * number, hash, sizeof hash) != 0) continue;
    if (vrift_entry_read(&view->index, number, entry) != 0) continue;
    if ((entry->flags & (VRIFT_ENTRY_FREE | VRIFT_ENTRY_VIRTUAL)) != VRIFT_ENTRY_VIRTUAL) continue;
    const uint8_t *key = vrift_entry_key(&view->index, entry);
    if (key == 0 || memcmp(entry->content_hash, hash, sizeof hash) != 0) continue;
    if (ino != 0 && entry->ino != ino) {
      if (!has_other) other = *entry;
      has_other = true;
      continue;
    }
    descriptor_remember(fd, number, vrift_path_hash(key, entry->key_length), st->st_ino, entry->ino);
    return true;
  }
  if (has_other) *entry = other;
  return has_other;
}

static uint64_t remembered_ino(int fd, const struct stat *st) {
  if (fd < 0 || fd >= DESCRIPTOR_LIMIT) return 0;
  uint64_t word = __atomic_load_n(&table[fd].entry_and_inode, __ATOMIC_ACQUIRE);
  return word != 0 && (uint32_t)word == (uint32_t)st->st_ino ? __atomic_load_n(&table[fd].ino, __ATOMIC_RELAXED) : 0;
}

bool descriptor_entry(const struct view *view, int fd, const struct stat *st, struct vrift_entry *entry) {
  if (!blob_like(view, st)) return false;
  if (fd >= 0 && fd < DESCRIPTOR_LIMIT) {
    uint64_t word = __atomic_load_n(&table[fd].entry_and_inode, __ATOMIC_ACQUIRE);
    uint64_t key_hash = __atomic_load_n(&table[fd].key_hash, __ATOMIC_RELAXED);
    if (word != 0 && (uint32_t)word == (uint32_t)st->st_ino &&
        fits(view, (uint32_t)(word >> 32), key_hash, st, entry))
      return true;
  }
  return search(view, fd, st, remembered_ino(fd, st), entry);
}

bool descriptor_is_blob(const struct view *view, int fd, struct vrift_entry *entry) {
  struct stat st;
  return raw_fstat(fd, &st) == 0 && descriptor_entry(view, fd, &st, entry);
}

static bool content_of(const struct view *view, int fd, const struct stat *st, struct vrift_entry *entry) {
  char path[PATH_SIZE];
  long length = descriptor_path(fd, path);
  memset(entry, 0, sizeof *entry);
  if (failed(length) || !blob_parse(view, path, (size_t)length, entry->content_hash, &entry->size)) return false;
  entry->mode = S_IFREG | 0644;
  entry->mtime_ns = st->st_mtime * 1000000000ll + (int64_t)st->st_mtime_nsec;
  return entry->size == (uint64_t)st->st_size;
}

bool descriptor_file(const struct view *view, int fd, struct vrift_entry *entry, bool *named) {
  const uint16_t no_file = VRIFT_ENTRY_FREE | VRIFT_ENTRY_DIR | VRIFT_ENTRY_SYMLINK | VRIFT_ENTRY_KERNEL;
  struct stat st;
  *named = true;
  if (raw_fstat(fd, &st) != 0 || !blob_like(view, &st)) return false;
  uint64_t word = fd >= 0 && fd < DESCRIPTOR_LIMIT ? __atomic_load_n(&table[fd].entry_and_inode, __ATOMIC_ACQUIRE) : 0;
  if (word == 0 || (uint32_t)word != (uint32_t)st.st_ino) {
    if (search(view, fd, &st, 0, entry)) return true;
  } else if (read_named(view, (uint32_t)(word >> 32), table[fd].key_hash, entry) && (entry->flags & no_file) == 0) {
    return true;
  } else {
    uint64_t ino = remembered_ino(fd, &st);
    if (ino != 0 && search(view, fd, &st, ino, entry) && entry->ino == ino) return true;
  }
  *named = false;
  return content_of(view, fd, &st, entry);
}

/* Entry numbers may mean something else in a newer index. */
static uint32_t check_of(uint64_t key_hash) { return (uint32_t)key_hash & INT32_MAX; }

bool descriptors_write(const struct view *view, char *out, size_t size) {
  char *end = out;
  int last = __atomic_load_n(&highest, __ATOMIC_RELAXED);
  for (int fd = 0; fd <= last && end + 48 < out + size; fd++) {
    struct stat st;
    uint64_t word = __atomic_load_n(&table[fd].entry_and_inode, __ATOMIC_ACQUIRE);
    if (word == 0 || raw_fcntl(fd, F_GETFD, 0) != 0) continue;
    if (raw_fstat(fd, &st) != 0 || !blob_like(view, &st) || (uint32_t)word != (uint32_t)st.st_ino) continue;
    if (end != out) end = append_text(end, ",");
    end = append_decimal(append_text(append_decimal(end, (uint64_t)fd), ":"), word >> 32);
    end = append_decimal(append_text(end, ":"), check_of(table[fd].key_hash));
  }
  *end = 0;
  return end != out;
}

void descriptors_read(const struct view *view, const char *text) {
  uint32_t fd, number, check;
  while (parse_number(&text, &fd) && *text++ == ':' && parse_number(&text, &number) && *text++ == ':' &&
         parse_number(&text, &check)) {
    struct stat st;
    struct vrift_entry entry;
    if (raw_fstat((int)fd, &st) == 0 && blob_like(view, &st) &&
        vrift_entry_read(&view->index, number, &entry) == 0) {
      const uint8_t *key = vrift_entry_key(&view->index, &entry);
      uint64_t hash = key == 0 ? 0 : vrift_path_hash(key, entry.key_length);
      if (key != 0 && check_of(hash) == check) descriptor_remember((int)fd, number, hash, st.st_ino, entry.ino);
    }
    if (*text++ != ',') break;
  }
}
