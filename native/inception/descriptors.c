#include "descriptors.h"

#include "blob.h"
#include "bytes.h"
#include "openings.h"
#include "place.h"

/* Two words that are written one after the other: a reader that sees half of each finds no entry that fits both. */
struct item {
  uint64_t entry_and_inode; /* entry << 32 | low half of the blob's inode number */
  uint64_t key_hash;
};

static struct item table[DESCRIPTOR_LIMIT];
static int highest = -1;

void descriptor_remember(int fd, uint32_t entry, uint64_t key_hash, uint64_t blob_ino) {
  if (fd < 0 || fd >= DESCRIPTOR_LIMIT) return;
  opening_forget(fd);
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
  descriptor_remember(to, (uint32_t)(word >> 32), table[from].key_hash, (uint32_t)word);
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

/* Is the entry still what was opened: same key, still virtual, of the blob's size? */
static bool fits(const struct view *view, uint32_t number, uint64_t key_hash, const struct stat *st,
                 struct vrift_entry *entry) {
  if (vrift_entry_read(&view->index, number, entry) != 0) return false;
  if ((entry->flags & (VRIFT_ENTRY_FREE | VRIFT_ENTRY_VIRTUAL)) != VRIFT_ENTRY_VIRTUAL) return false;
  const uint8_t *key = vrift_entry_key(&view->index, entry);
  return key != 0 && entry->size == (uint64_t)st->st_size && vrift_path_hash(key, entry->key_length) == key_hash;
}

/* A descriptor that came from elsewhere (exec, another process): any entry with this content. */
static bool search(const struct view *view, int fd, const struct stat *st, struct vrift_entry *entry) {
  char path[PATH_SIZE];
  uint8_t hash[32];
  uint64_t size;
  long length = descriptor_path(fd, path);
  if (failed(length) || !blob_parse(view, path, (size_t)length, hash, &size) || size != (uint64_t)st->st_size)
    return false;
  uint32_t limit = vrift_list_limit(&view->index);
  for (uint32_t number = 0; number < limit; number++) {
    if (memcmp(view->index.entries[number].content_hash, hash, sizeof hash) != 0) continue;
    if (vrift_entry_read(&view->index, number, entry) != 0) continue;
    if ((entry->flags & (VRIFT_ENTRY_FREE | VRIFT_ENTRY_VIRTUAL)) != VRIFT_ENTRY_VIRTUAL) continue;
    const uint8_t *key = vrift_entry_key(&view->index, entry);
    if (key == 0 || memcmp(entry->content_hash, hash, sizeof hash) != 0) continue;
    descriptor_remember(fd, number, vrift_path_hash(key, entry->key_length), st->st_ino);
    return true;
  }
  return false;
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
  return search(view, fd, st, entry);
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
    if (search(view, fd, &st, entry)) return true;
  } else if (vrift_entry_read(&view->index, (uint32_t)(word >> 32), entry) == 0 && (entry->flags & no_file) == 0) {
    const uint8_t *key = vrift_entry_key(&view->index, entry);
    if (key != 0 && vrift_path_hash(key, entry->key_length) == table[fd].key_hash) return true;
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
      if (key != 0 && check_of(hash) == check) descriptor_remember((int)fd, number, hash, st.st_ino);
    }
    if (*text++ != ',') break;
  }
}
