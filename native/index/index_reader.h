/*
 * Reader of the index file: no lock, no allocation, no libc. Shared by the addon, the injected library and the tests.
 *
 * Two things are true at any moment: one writer may be changing the file, and the file may be damaged. So
 *  - whatever bounds an access is copied into the view once, by vrift_index_validate, and every number read later from
 *    the file is compared with the view before it is used;
 *  - an entry counts only when its whole key was equal and its `seq` even and unchanged around the copy;
 *  - "absent" and a listing count only when `structure_seq` was even and unchanged around them.
 * Every loop ends: probes are bounded by the table, attempts by VRIFT_READ_ATTEMPTS, listings by the caller's count.
 */
#ifndef VRIFT_INDEX_READER_H
#define VRIFT_INDEX_READER_H

#include <stdint.h>

#include "vrift_hash.h"
#include "vrift_layout.h"

/* No such entry: also what vrift_index_find answers for an absent key. */
#define VRIFT_NO_ENTRY UINT32_MAX
/* A writer killed in mid-change leaves a `seq` odd for ever; the reader must go on. */
#define VRIFT_READ_ATTEMPTS 1000

struct vrift_index_view {
  const struct vrift_index_header *header;
  const uint64_t *seen;
  const uint64_t *slots;
  const struct vrift_entry *entries;
  const uint8_t *keys;
  uint64_t keys_size;
  uint32_t slot_mask;
  uint32_t entry_capacity;
};

enum vrift_found { VRIFT_FOUND = 0, VRIFT_ABSENT = 1, VRIFT_UNSURE = -1 };

#define VRIFT_ENTRY_WORDS (sizeof(struct vrift_entry) / 8)
_Static_assert(sizeof(struct vrift_entry) % 8 == 0, "entries are copied in words of 8 bytes");
typedef uint64_t __attribute__((may_alias)) vrift_word;

static inline void vrift_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

static inline int vrift_section_fits(uint64_t offset, uint64_t length, uint64_t size) {
  return offset >= VRIFT_INDEX_HEADER_SIZE && offset % 64 == 0 && offset <= size && length <= size - offset;
}

static inline int vrift_text_fits(const uint8_t *block, uint32_t offset, uint32_t length) {
  return length > 0 && length < VRIFT_INDEX_PATH_MAX && block[offset] == '/' && block[offset + length] == 0;
}

/* Fills `view` when `map` (page-aligned, `size` bytes as fstat says) is an index this code can read: 0, else -1. */
static inline int vrift_index_validate(const void *map, uint64_t size, struct vrift_index_view *view) {
  const uint8_t *base = map;
  const struct vrift_index_header *header = map;
  if (size < VRIFT_INDEX_HEADER_SIZE) return -1;
  if (__atomic_load_n(&header->magic, __ATOMIC_ACQUIRE) != VRIFT_INDEX_MAGIC) return -1;
  if (header->version != VRIFT_INDEX_VERSION || header->file_size != size) return -1;

  /* Each is read once: what is checked is what is used. */
  uint32_t slot_capacity = __atomic_load_n(&header->slot_capacity, __ATOMIC_RELAXED);
  uint32_t entry_capacity = __atomic_load_n(&header->entry_capacity, __ATOMIC_RELAXED);
  uint64_t keys_size = __atomic_load_n(&header->keys_size, __ATOMIC_RELAXED);
  uint64_t seen = __atomic_load_n(&header->seen_offset, __ATOMIC_RELAXED);
  uint64_t slots = __atomic_load_n(&header->slots_offset, __ATOMIC_RELAXED);
  uint64_t entries = __atomic_load_n(&header->entries_offset, __ATOMIC_RELAXED);
  uint64_t keys = __atomic_load_n(&header->keys_offset, __ATOMIC_RELAXED);
  if (slot_capacity < 2 || (slot_capacity & (slot_capacity - 1)) != 0) return -1;
  if (entry_capacity < 1 || entry_capacity >= VRIFT_SLOT_TOMBSTONE - 1 || keys_size > UINT32_MAX) return -1;
  if (!vrift_section_fits(seen, 8ull * VRIFT_MARK_COUNT, size)) return -1;
  if (!vrift_section_fits(slots, 8ull * slot_capacity, size)) return -1;
  if (!vrift_section_fits(entries, sizeof(struct vrift_entry) * (uint64_t)entry_capacity, size)) return -1;
  if (!vrift_section_fits(keys, keys_size, size)) return -1;
  if (!vrift_text_fits(base, VRIFT_INDEX_ROOT_PATH_OFFSET, header->root_length)) return -1;
  if (!vrift_text_fits(base, VRIFT_INDEX_SOURCE_PATH_OFFSET, header->source_length)) return -1;

  view->header = header;
  view->seen = (const uint64_t *)(base + seen);
  view->slots = (const uint64_t *)(base + slots);
  view->entries = (const struct vrift_entry *)(base + entries);
  view->keys = base + keys;
  view->keys_size = keys_size;
  view->slot_mask = slot_capacity - 1;
  view->entry_capacity = entry_capacity;
  return 0;
}

/* NUL-terminated; validated once by vrift_index_validate (the writer never changes them). */
static inline const char *vrift_index_root(const struct vrift_index_view *view) {
  return (const char *)view->header + VRIFT_INDEX_ROOT_PATH_OFFSET;
}
static inline const char *vrift_index_source(const struct vrift_index_view *view) {
  return (const char *)view->header + VRIFT_INDEX_SOURCE_PATH_OFFSET;
}

/* The kernel itself clears the thread id when the daemon's main thread ends, however it ends (robust futex). */
static inline int vrift_index_alive(const struct vrift_index_view *view) {
  uint32_t word = __atomic_load_n((const uint32_t *)(const void *)view->header->alive, __ATOMIC_ACQUIRE);
  return (word & VRIFT_FUTEX_TID_MASK) != 0 && (word & VRIFT_FUTEX_OWNER_DIED) == 0;
}

/* A newer file has the name: map again. */
static inline int vrift_index_superseded(const struct vrift_index_view *view) {
  return __atomic_load_n(&view->header->superseded, __ATOMIC_ACQUIRE) != 0;
}

/* The part of trust that holds for every name: the daemon lives, nothing is distrusted, no newer file. */
static inline int vrift_index_usable(const struct vrift_index_view *view) {
  return vrift_index_alive(view) && __atomic_load_n(&view->header->distrust, __ATOMIC_ACQUIRE) == 0 &&
         !vrift_index_superseded(view);
}

/*
 * The part of trust that holds for one name. `seen` is loaded before the mark, and both before the entry: seen == mark
 * means that the entry read afterwards is at least as new as that mark. A mark that grows later belongs to an operation
 * that runs at the same time as this call, and an answer from before it is as good as one from after it.
 */
static inline int vrift_word_clean(const struct vrift_index_view *view, const uint64_t *marks, uint32_t word) {
  uint64_t seen = __atomic_load_n(&view->seen[word], __ATOMIC_ACQUIRE);
  return seen == __atomic_load_n(&marks[word], __ATOMIC_ACQUIRE) && (seen & VRIFT_MARK_IN_FLIGHT) == 0;
}

/* Nothing has changed anywhere since the daemon looked: the usual case, and one line that stays in the cache. */
static inline int vrift_mark_clean(const struct vrift_index_view *view, const uint64_t *marks, uint64_t hash) {
  return vrift_word_clean(view, marks, VRIFT_MARK_SUMMARY) || vrift_word_clean(view, marks, vrift_mark_word(hash));
}

static inline int vrift_index_trusted(const struct vrift_index_view *view, const uint64_t *marks, uint64_t hash) {
  return vrift_index_usable(view) && vrift_mark_clean(view, marks, hash);
}

/* Pool keys never change once written, so comparing needs no ordering beyond the seq that gave their place. */
static inline int vrift_bytes_equal(const uint8_t *a, const uint8_t *b, uint64_t length) {
  if (length >= 8) {
    for (uint64_t i = 0; i + 8 <= length; i += 8)
      if (vrift_load8(a + i) != vrift_load8(b + i)) return 0;
    return vrift_load8(a + length - 8) == vrift_load8(b + length - 8);
  }
  if (length >= 4) return vrift_load4(a) == vrift_load4(b) && vrift_load4(a + length - 4) == vrift_load4(b + length - 4);
  for (uint64_t i = 0; i < length; i++)
    if (a[i] != b[i]) return 0;
  return 1;
}

/*
 * Key of a copied entry, or null when its numbers are out of bounds. Not terminated; `copy->key_length` bytes. It lives as
 * long as the copy: a key that is not long is part of it.
 */
static inline const uint8_t *vrift_entry_key(const struct vrift_index_view *view, const struct vrift_entry *copy) {
  if (copy->key_length <= VRIFT_INLINE_KEY_SIZE) return copy->name_length > copy->key_length ? 0 : copy->inline_key;
  if (copy->key_offset > view->keys_size || copy->key_length > view->keys_size - copy->key_offset) return 0;
  if (copy->name_length > copy->key_length) return 0;
  return view->keys + copy->key_offset;
}

/* Last component, `copy->name_length` bytes, or null. */
static inline const uint8_t *vrift_entry_name(const struct vrift_index_view *view, const struct vrift_entry *copy) {
  const uint8_t *key = vrift_entry_key(view, copy);
  return key ? key + (copy->key_length - copy->name_length) : 0;
}

/* A copy taken between two equal, even values of `seq`: 0, or -1 (out of range, or no quiet moment). */
static inline int vrift_entry_read(const struct vrift_index_view *view, uint32_t entry, struct vrift_entry *copy) {
  if (entry >= view->entry_capacity) return -1;
  const struct vrift_entry *from = &view->entries[entry];
  const vrift_word *words = (const vrift_word *)(const void *)from;
  vrift_word *out = (vrift_word *)(void *)copy;
  for (int attempt = 0; attempt < VRIFT_READ_ATTEMPTS; attempt++) {
    uint32_t before = __atomic_load_n(&from->seq, __ATOMIC_ACQUIRE);
    if ((before & 1) == 0) {
      for (unsigned i = 0; i < VRIFT_ENTRY_WORDS; i++) out[i] = __atomic_load_n(&words[i], __ATOMIC_RELAXED);
      __atomic_thread_fence(__ATOMIC_ACQUIRE);
      if (__atomic_load_n(&from->seq, __ATOMIC_RELAXED) == before) return 0;
    }
    vrift_pause();
  }
  return -1;
}

static inline uint64_t vrift_structure_begin(const struct vrift_index_view *view) {
  return __atomic_load_n(&view->header->structure_seq, __ATOMIC_ACQUIRE);
}

/* True when everything read since vrift_structure_begin gave `begun` belongs to one state of the tree's names. */
static inline int vrift_structure_held(const struct vrift_index_view *view, uint64_t begun) {
  __atomic_thread_fence(__ATOMIC_ACQUIRE);
  return (begun & 1) == 0 && __atomic_load_n(&view->header->structure_seq, __ATOMIC_RELAXED) == begun;
}

/*
 * The lookup. VRIFT_FOUND: `copy` and `*entry` are filled. VRIFT_ABSENT: no such key, at one moment during the call.
 * VRIFT_UNSURE: the writer was busy (or died busy) around it; ask the kernel first.
 *
 * "ENOENT without asking" takes more: this answer and that of a COMPLETE directory above must belong to one state. A
 * directory becomes COMPLETE after its names were inserted, so between two lookups the name may have been inserted and its
 * directory made COMPLETE: vrift_structure_begin before the first, vrift_structure_held after the last.
 */
static inline enum vrift_found vrift_index_lookup(const struct vrift_index_view *view, const uint8_t *key,
                                                  uint64_t length, uint64_t hash, struct vrift_entry *copy,
                                                  uint32_t *entry) {
  uint64_t begun = vrift_structure_begin(view);
  uint32_t tag = (uint32_t)(hash >> 32), slot = (uint32_t)hash & view->slot_mask;
  int unsure = 0;
  for (uint64_t probe = 0; probe <= view->slot_mask; probe++, slot = (slot + 1) & view->slot_mask) {
    uint64_t word = __atomic_load_n(&view->slots[slot], __ATOMIC_ACQUIRE);
    if (word == VRIFT_SLOT_EMPTY) break;
    if ((uint32_t)(word >> 32) != tag || word == VRIFT_SLOT_TOMBSTONE) continue;
    uint32_t number = (uint32_t)word - 1;
    if (vrift_entry_read(view, number, copy) != 0) {
      unsure = 1;
      continue;
    }
    if (copy->key_length != length || (copy->flags & VRIFT_ENTRY_FREE) != 0) continue;
    const uint8_t *own = vrift_entry_key(view, copy);
    if (own == 0 || !vrift_bytes_equal(own, key, length)) continue;
    *entry = number;
    return VRIFT_FOUND;
  }
  return unsure || !vrift_structure_held(view, begun) ? VRIFT_UNSURE : VRIFT_ABSENT;
}

/* Entry number, or VRIFT_NO_ENTRY when the key is absent or nothing can be said. */
static inline uint32_t vrift_index_find(const struct vrift_index_view *view, const uint8_t *key, uint64_t length,
                                        uint64_t hash) {
  struct vrift_entry copy;
  uint32_t entry;
  return vrift_index_lookup(view, key, length, hash, &copy, &entry) == VRIFT_FOUND ? entry : VRIFT_NO_ENTRY;
}

/*
 * Listing: begun = vrift_structure_begin; for (e = vrift_first_child(view, dir); e != 0; e = vrift_next_sibling(view, e))
 * at most vrift_list_limit times; then vrift_structure_held(begun), else what was listed is thrown away.
 */
static inline uint32_t vrift_bounded(const struct vrift_index_view *view, uint32_t entry) {
  return entry < view->entry_capacity ? entry : 0;
}
static inline uint32_t vrift_first_child(const struct vrift_index_view *view, uint32_t entry) {
  if (entry >= view->entry_capacity) return 0;
  return vrift_bounded(view, __atomic_load_n(&view->entries[entry].first_child, __ATOMIC_RELAXED));
}
static inline uint32_t vrift_next_sibling(const struct vrift_index_view *view, uint32_t entry) {
  if (entry >= view->entry_capacity) return 0;
  return vrift_bounded(view, __atomic_load_n(&view->entries[entry].next, __ATOMIC_RELAXED));
}
static inline uint32_t vrift_list_limit(const struct vrift_index_view *view) {
  uint32_t used = __atomic_load_n(&view->header->entry_used, __ATOMIC_ACQUIRE);
  return used < view->entry_capacity ? used : view->entry_capacity;
}

#endif
