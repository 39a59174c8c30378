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
#include "vrift_tags.h"

/* No such entry: also what vrift_index_find answers for an absent key. */
#define VRIFT_NO_ENTRY UINT32_MAX
/* A writer killed in mid-change leaves a `seq` odd for ever; the reader must go on. */
#define VRIFT_READ_ATTEMPTS 1000
#define VRIFT_ALWAYS_INLINE inline __attribute__((always_inline))

struct vrift_index_view {
  const struct vrift_index_header *header;
  const uint64_t *seen;
  const uint16_t *tags;
  const struct vrift_index_entry *entries;
  const uint8_t *hashes;
  const struct vrift_index_times *times;
  const uint8_t *keys;
  uint64_t keys_size;
  uint32_t entry_capacity;
  uint32_t group_count;
};

enum vrift_found { VRIFT_FOUND = 0, VRIFT_ABSENT = 1, VRIFT_UNSURE = -1 };

/* A copy of an entry: the file's two lines of it, as they are there, then its content hash. */
struct vrift_entry {
  uint32_t seq;
  uint16_t flags, key_length;
  uint64_t size;
  int64_t mtime_ns, ctime_ns;
  uint64_t ino;
  uint16_t mode, name_length;
  uint32_t blocks;
  uint32_t parent, first_child, next, prev;
  uint8_t inline_key[VRIFT_INLINE_KEY_SIZE];
  uint8_t content_hash[32];
  uint32_t number; /* of whoever keeps it with the copy; not the reader's */
};
#define VRIFT_SAME_PLACE(field) \
  _Static_assert(offsetof(struct vrift_entry, field) == offsetof(struct vrift_index_entry, field), #field)
VRIFT_SAME_PLACE(flags);
VRIFT_SAME_PLACE(key_length);
VRIFT_SAME_PLACE(size);
VRIFT_SAME_PLACE(ctime_ns);
VRIFT_SAME_PLACE(ino);
VRIFT_SAME_PLACE(mode);
VRIFT_SAME_PLACE(name_length);
VRIFT_SAME_PLACE(blocks);
VRIFT_SAME_PLACE(parent);
VRIFT_SAME_PLACE(prev);
VRIFT_SAME_PLACE(inline_key);
_Static_assert(offsetof(struct vrift_entry, content_hash) == sizeof(struct vrift_index_entry), "then the hash");

/* Words of an entry: those that say something of it (not its links, not its key), and all. */
#define VRIFT_VALUE_WORDS (offsetof(struct vrift_index_entry, parent) / 8)
#define VRIFT_ENTRY_WORDS (sizeof(struct vrift_index_entry) / 8)
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
  uint32_t entry_capacity = __atomic_load_n(&header->entry_capacity, __ATOMIC_RELAXED);
  uint64_t keys_size = __atomic_load_n(&header->keys_size, __ATOMIC_RELAXED);
  uint64_t seen = __atomic_load_n(&header->seen_offset, __ATOMIC_RELAXED);
  uint64_t tags = __atomic_load_n(&header->tags_offset, __ATOMIC_RELAXED);
  uint64_t entries = __atomic_load_n(&header->entries_offset, __ATOMIC_RELAXED);
  uint64_t hashes = __atomic_load_n(&header->hashes_offset, __ATOMIC_RELAXED);
  uint64_t times = __atomic_load_n(&header->times_offset, __ATOMIC_RELAXED);
  uint64_t keys = __atomic_load_n(&header->keys_offset, __ATOMIC_RELAXED);
  if (entry_capacity < VRIFT_GROUP_ENTRIES || entry_capacity % VRIFT_GROUP_ENTRIES != 0) return -1;
  if (keys_size > UINT32_MAX) return -1;
  if (!vrift_section_fits(seen, 8ull * VRIFT_MARK_COUNT, size)) return -1;
  if (!vrift_section_fits(tags, 2ull * entry_capacity, size)) return -1;
  if (!vrift_section_fits(entries, sizeof(struct vrift_index_entry) * (uint64_t)entry_capacity, size)) return -1;
  if (!vrift_section_fits(hashes, 32ull * entry_capacity, size)) return -1;
  if (!vrift_section_fits(times, sizeof(struct vrift_index_times) * (uint64_t)entry_capacity, size)) return -1;
  if (!vrift_section_fits(keys, keys_size, size)) return -1;
  if (!vrift_text_fits(base, VRIFT_INDEX_ROOT_PATH_OFFSET, header->root_length)) return -1;
  if (!vrift_text_fits(base, VRIFT_INDEX_SOURCE_PATH_OFFSET, header->source_length)) return -1;

  view->header = header;
  view->seen = (const uint64_t *)(base + seen);
  view->tags = (const uint16_t *)(base + tags);
  view->entries = (const struct vrift_index_entry *)(base + entries);
  view->hashes = base + hashes;
  view->times = (const struct vrift_index_times *)(base + times);
  view->keys = base + keys;
  view->keys_size = keys_size;
  view->entry_capacity = entry_capacity;
  view->group_count = entry_capacity / VRIFT_GROUP_ENTRIES;
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
  /* A thread id and no FUTEX_OWNER_DIED, which is the bit above. */
  return (word & (VRIFT_FUTEX_TID_MASK | VRIFT_FUTEX_OWNER_DIED)) - 1u < VRIFT_FUTEX_TID_MASK;
}

/* A newer file has the name: map again. */
static inline int vrift_index_superseded(const struct vrift_index_view *view) {
  return __atomic_load_n(&view->header->superseded, __ATOMIC_ACQUIRE) != 0;
}

/* The part of trust that holds for every name: the daemon lives, nothing is distrusted, no newer file. */
static inline int vrift_index_usable(const struct vrift_index_view *view) {
  const vrift_word *both = (const vrift_word *)(const void *)&view->header->superseded;
  return __atomic_load_n(both, __ATOMIC_ACQUIRE) == 0 && vrift_index_alive(view);
}
_Static_assert(offsetof(struct vrift_index_header, superseded) % 8 == 0 &&
                   offsetof(struct vrift_index_header, distrust) == offsetof(struct vrift_index_header, superseded) + 4,
               "asked with one load");

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
  if (length >= 16) {
    const uint8_t *last = a + length - 16;
    if (!vrift_equal16(last, b + length - 16)) return 0;
    for (; a < last; a += 16, b += 16)
      if (!vrift_equal16(a, b)) return 0;
    return 1;
  }
  if (length >= 8) return vrift_load8(a) == vrift_load8(b) && vrift_load8(a + length - 8) == vrift_load8(b + length - 8);
  if (length >= 4) return vrift_load4(a) == vrift_load4(b) && vrift_load4(a + length - 4) == vrift_load4(b + length - 4);
  for (uint64_t i = 0; i < length; i++)
    if (a[i] != b[i]) return 0;
  return 1;
}

/* A key of the pool, `inline_key` being the line that names its place; null when out of bounds. */
static inline const uint8_t *vrift_pool_key(const struct vrift_index_view *view, const uint8_t *inline_key,
                                            uint32_t length) {
  uint64_t offset = vrift_load4(inline_key);
  return offset > view->keys_size || length > view->keys_size - offset ? 0 : view->keys + offset;
}

/*
 * Key of a copied entry, or null when its numbers are out of bounds. Not terminated; `copy->key_length` bytes. It lives as
 * long as the copy: a key that is not long is part of it.
 */
static inline const uint8_t *vrift_entry_key(const struct vrift_index_view *view, const struct vrift_entry *copy) {
  if (copy->name_length > copy->key_length) return 0;
  if (copy->key_length <= VRIFT_INLINE_KEY_SIZE) return copy->inline_key;
  return vrift_pool_key(view, copy->inline_key, copy->key_length);
}

/* Last component, `copy->name_length` bytes, or null. */
static inline const uint8_t *vrift_entry_name(const struct vrift_index_view *view, const struct vrift_entry *copy) {
  const uint8_t *key = vrift_entry_key(view, copy);
  return key ? key + (copy->key_length - copy->name_length) : 0;
}

static VRIFT_ALWAYS_INLINE void vrift_copy_words(vrift_word *to, const vrift_word *from, unsigned count) {
#pragma GCC unroll 16
  for (unsigned i = 0; i < count; i++) to[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
}

/* True when the entry still is as it was when its (even) `seq` was read. */
static inline int vrift_entry_held(const struct vrift_index_entry *entry, uint32_t seq) {
  __atomic_thread_fence(__ATOMIC_ACQUIRE);
  return __atomic_load_n(&entry->seq, __ATOMIC_RELAXED) == seq;
}

/*
 * An entry as it was before the change in place that was begun last. `of` is the entry's number and the even `seq` it had: an
 * entry that is odd and one further is in the middle of that change, its key and links are not being changed, and this is what
 * it said before. So a writer that was stopped there, for a moment or for ever, takes no name away.
 */
struct vrift_undo {
  uint64_t of;
  vrift_word entry[VRIFT_ENTRY_WORDS];
  vrift_word content_hash[4];
};
_Static_assert(VRIFT_INDEX_UNDO_OFFSET + sizeof(struct vrift_undo) <= VRIFT_INDEX_HEADER_SIZE, "in the header block");
_Static_assert(VRIFT_INDEX_UNDO_OFFSET >= VRIFT_INDEX_SOURCE_PATH_OFFSET + VRIFT_INDEX_PATH_MAX, "behind the paths");

static inline uint64_t vrift_undo_of(uint32_t entry, uint32_t seq) { return (uint64_t)entry << 32 | seq; }

/* For who has waited long enough: 0 and the copy from before a change that is not done, or -1. */
static __attribute__((cold, noinline, unused)) int vrift_entry_before(const struct vrift_index_view *view, uint32_t entry,
                                                                      struct vrift_entry *copy) {
  const struct vrift_undo *undo = (const void *)((const uint8_t *)view->header + VRIFT_INDEX_UNDO_OFFSET);
  uint32_t seq = __atomic_load_n(&view->entries[entry].seq, __ATOMIC_ACQUIRE);
  uint64_t of = vrift_undo_of(entry, seq - 1);
  if ((seq & 1) == 0 || __atomic_load_n(&undo->of, __ATOMIC_ACQUIRE) != of) return -1;
  vrift_copy_words((vrift_word *)(void *)copy, undo->entry, VRIFT_ENTRY_WORDS);
  vrift_copy_words((vrift_word *)(void *)copy->content_hash, undo->content_hash, 4);
  /* `seq` first: while it is this one, the writer has not come to the next change. */
  return vrift_entry_held(&view->entries[entry], seq) && __atomic_load_n(&undo->of, __ATOMIC_RELAXED) == of ? 0 : -1;
}

/*
 * A copy taken between two equal, even values of `seq`: 0, or -1 (out of range, or no quiet moment). One that was never
 * used reads as FREE.
 */
static inline int vrift_entry_read(const struct vrift_index_view *view, uint32_t entry, struct vrift_entry *copy) {
  if (entry >= view->entry_capacity) return -1;
  const struct vrift_index_entry *from = &view->entries[entry];
  for (int attempt = 0; attempt < VRIFT_READ_ATTEMPTS; attempt++) {
    uint32_t before = __atomic_load_n(&from->seq, __ATOMIC_ACQUIRE);
    if ((before & 1) == 0) {
      vrift_copy_words((vrift_word *)(void *)copy, (const vrift_word *)(const void *)from, VRIFT_ENTRY_WORDS);
      vrift_copy_words((vrift_word *)(void *)copy->content_hash,
                       (const vrift_word *)(const void *)(view->hashes + 32ull * entry), 4);
      if (vrift_entry_held(from, before)) {
        if (before == 0) copy->flags = VRIFT_ENTRY_FREE;
        return 0;
      }
    }
    vrift_pause();
  }
  return vrift_entry_before(view, entry, copy);
}

/*
 * Whether the entry has this key, and if so what is said of it: VRIFT_FOUND (the words before the links are copied, links,
 * key and content hash are not), VRIFT_ABSENT (another key, or none), VRIFT_UNSURE (no quiet moment).
 */
static VRIFT_ALWAYS_INLINE enum vrift_found vrift_entry_match(const struct vrift_index_view *view, uint32_t entry, const uint8_t *key,
                                                 uint64_t length, struct vrift_entry *copy) {
  const struct vrift_index_entry *from = &view->entries[entry];
  for (int attempt = 0; attempt < VRIFT_READ_ATTEMPTS; attempt++) {
    uint32_t before = __atomic_load_n(&from->seq, __ATOMIC_ACQUIRE);
    if ((before & 1) == 0) {
      vrift_copy_words((vrift_word *)(void *)copy, (const vrift_word *)(const void *)from, VRIFT_VALUE_WORDS);
      int same = before != 0 && copy->key_length == length && copy->name_length <= length &&
                 (copy->flags & VRIFT_ENTRY_FREE) == 0;
      if (same) {
        const uint8_t *own = from->inline_key;
        if (__builtin_expect(length > VRIFT_INLINE_KEY_SIZE, 0)) own = vrift_pool_key(view, own, (uint32_t)length);
        same = own != 0 && vrift_bytes_equal(own, key, length);
      }
      if (vrift_entry_held(from, before)) return same ? VRIFT_FOUND : VRIFT_ABSENT;
    }
    vrift_pause();
  }
  if (vrift_entry_before(view, entry, copy) != 0) return VRIFT_UNSURE;
  const uint8_t *own = copy->key_length == length && (copy->flags & VRIFT_ENTRY_FREE) == 0 ? vrift_entry_key(view, copy) : 0;
  return own != 0 && vrift_bytes_equal(own, key, length) ? VRIFT_FOUND : VRIFT_ABSENT;
}

/*
 * `times` of an entry whose copy has `seq`: false when the entry is another one by now, or the copy is from before a change that is
 * not done.
 */
static inline int vrift_times_read(const struct vrift_index_view *view, uint32_t entry, uint32_t seq,
                                   struct vrift_index_times *copy) {
  _Static_assert(sizeof *copy % 8 == 0, "whole words");
  if (entry >= view->entry_capacity || (seq & 1) != 0) return 0;
  vrift_copy_words((vrift_word *)(void *)copy, (const vrift_word *)(const void *)&view->times[entry], sizeof *copy / 8);
  return vrift_entry_held(&view->entries[entry], seq);
}

static inline uint64_t vrift_structure_begin(const struct vrift_index_view *view) {
  return __atomic_load_n(&view->header->structure_seq, __ATOMIC_ACQUIRE);
}

/* True when everything read since vrift_structure_begin gave `begun` belongs to one state of the tree's names. */
static inline int vrift_structure_held(const struct vrift_index_view *view, uint64_t begun) {
  __atomic_thread_fence(__ATOMIC_ACQUIRE);
  return (begun & 1) == 0 && __atomic_load_n(&view->header->structure_seq, __ATOMIC_RELAXED) == begun;
}

/* The rest of a search whose first two groups are full; and the root, which has no tag. */
static inline enum vrift_found vrift_index_probe_on(const struct vrift_index_view *view, const uint8_t *key,
                                                    uint64_t length, uint64_t hash, uint64_t begun, int unsure,
                                                    struct vrift_entry *copy, uint32_t *entry) {
  if (length == 0) {
    *entry = 0;
    return vrift_entry_match(view, 0, key, 0, copy);
  }
  for (uint32_t probe = 2; probe <= view->group_count; probe++) {
    uint32_t group = vrift_tag_next_group(hash, view->group_count, probe);
    struct vrift_tag_matches matches =
        vrift_tag_match(view->tags + (uint64_t)group * VRIFT_GROUP_ENTRIES, vrift_tag(hash));
    for (uint32_t same = matches.same; same != 0; same &= same - 1) {
      uint32_t number = group * VRIFT_GROUP_ENTRIES + (uint32_t)__builtin_ctz(same);
      enum vrift_found found = vrift_entry_match(view, number, key, length, copy);
      if (found == VRIFT_FOUND) {
        *entry = number;
        return VRIFT_FOUND;
      }
      if (found == VRIFT_UNSURE) unsure = 1;
    }
    if (matches.empty != 0) break;
  }
  return unsure || !vrift_structure_held(view, begun) ? VRIFT_UNSURE : VRIFT_ABSENT;
}

/*
 * The lookup. VRIFT_FOUND: `copy` and `*entry` are filled, links, key and content hash of `copy` are not. VRIFT_ABSENT: no
 * such key, at one moment during the call. VRIFT_UNSURE: the writer was busy (or died busy) around it; ask the kernel first.
 *
 * "ENOENT without asking" takes more: this answer and that of a COMPLETE directory above must belong to one state. A
 * directory becomes COMPLETE after its names were inserted, so between two lookups the name may have been inserted and its
 * directory made COMPLETE: vrift_structure_begin before the first, vrift_structure_held after the last.
 */
static VRIFT_ALWAYS_INLINE enum vrift_found vrift_index_probe(const struct vrift_index_view *view, const uint8_t *key,
                                                              uint64_t length, uint64_t hash,
                                                              struct vrift_entry *copy, uint32_t *entry) {
  uint64_t begun = vrift_structure_begin(view);
  uint16_t tag = vrift_tag(hash);
  uint32_t group = vrift_tag_group(hash, view->group_count);
  uint32_t other = vrift_tag_other_group(hash, view->group_count);
  struct vrift_tag_matches first = vrift_tag_match(view->tags + (uint64_t)group * VRIFT_GROUP_ENTRIES, tag);
  struct vrift_tag_matches second = vrift_tag_match(view->tags + (uint64_t)other * VRIFT_GROUP_ENTRIES, tag);
  int unsure = 0;
  /* Both at once: which of them it is is not for the processor to guess. */
  for (uint32_t same = first.same | second.same << 16; same != 0; same &= same - 1) {
    uint32_t bit = (uint32_t)__builtin_ctz(same);
    uint32_t number = (bit < 16 ? group : other) * VRIFT_GROUP_ENTRIES + bit % VRIFT_GROUP_ENTRIES;
    enum vrift_found found = vrift_entry_match(view, number, key, length, copy);
    if (__builtin_expect(found == VRIFT_FOUND, 1)) {
      *entry = number;
      return VRIFT_FOUND;
    }
    if (found == VRIFT_UNSURE) unsure = 1;
  }
  if (__builtin_expect((first.empty | second.empty) == 0 || length == 0, 0))
    return vrift_index_probe_on(view, key, length, hash, begun, unsure, copy, entry);
  return unsure || !vrift_structure_held(view, begun) ? VRIFT_UNSURE : VRIFT_ABSENT;
}

static inline enum vrift_found vrift_index_glance(const struct vrift_index_view *view, const uint8_t *key,
                                                  uint64_t length, uint64_t hash, struct vrift_entry *copy,
                                                  uint32_t *entry) {
  return vrift_index_probe(view, key, length, hash, copy, entry);
}

/* The same with a whole copy, key and content hash included. */
static inline enum vrift_found vrift_index_lookup(const struct vrift_index_view *view, const uint8_t *key,
                                                  uint64_t length, uint64_t hash, struct vrift_entry *copy,
                                                  uint32_t *entry) {
  enum vrift_found found = vrift_index_glance(view, key, length, hash, copy, entry);
  if (found != VRIFT_FOUND) return found;
  uint32_t seq = copy->seq;
  const struct vrift_index_entry *from = &view->entries[*entry];
  vrift_copy_words((vrift_word *)(void *)copy + VRIFT_VALUE_WORDS,
                   (const vrift_word *)(const void *)from + VRIFT_VALUE_WORDS, VRIFT_ENTRY_WORDS - VRIFT_VALUE_WORDS);
  vrift_copy_words((vrift_word *)(void *)copy->content_hash,
                   (const vrift_word *)(const void *)(view->hashes + 32ull * *entry), 4);
  if (vrift_entry_held(from, seq)) return VRIFT_FOUND;
  /* Changed since: read it as a whole, and again until its key is the one asked for. */
  if (vrift_entry_read(view, *entry, copy) != 0 || (copy->flags & VRIFT_ENTRY_FREE) != 0) return VRIFT_UNSURE;
  const uint8_t *own = copy->key_length == length ? vrift_entry_key(view, copy) : 0;
  return own != 0 && vrift_bytes_equal(own, key, length) ? VRIFT_FOUND : VRIFT_UNSURE;
}

/* Entry number, or VRIFT_NO_ENTRY when the key is absent or nothing can be said. */
static inline uint32_t vrift_index_find(const struct vrift_index_view *view, const uint8_t *key, uint64_t length,
                                        uint64_t hash) {
  struct vrift_entry copy;
  uint32_t entry;
  return vrift_index_glance(view, key, length, hash, &copy, &entry) == VRIFT_FOUND ? entry : VRIFT_NO_ENTRY;
}

/* An entry by the hash of its key alone, for who has kept nothing else of it: 0 and a whole copy, or -1. */
static inline int vrift_index_find_hash(const struct vrift_index_view *view, uint64_t hash, struct vrift_entry *copy,
                                        uint32_t *entry) {
  for (uint32_t probe = 0; probe <= view->group_count; probe++) {
    uint32_t group = vrift_tag_next_group(hash, view->group_count, probe);
    struct vrift_tag_matches matches =
        vrift_tag_match(view->tags + (uint64_t)group * VRIFT_GROUP_ENTRIES, vrift_tag(hash));
    for (uint32_t same = matches.same; same != 0; same &= same - 1) {
      *entry = group * VRIFT_GROUP_ENTRIES + (uint32_t)__builtin_ctz(same);
      if (vrift_entry_read(view, *entry, copy) != 0 || (copy->flags & VRIFT_ENTRY_FREE) != 0) continue;
      const uint8_t *key = vrift_entry_key(view, copy);
      if (key != 0 && vrift_path_hash(key, copy->key_length) == hash) return 0;
    }
    if (matches.empty != 0 && probe > 0) break;
  }
  return -1;
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
/* Every entry has a number below this; many numbers have no entry (FREE). */
static inline uint32_t vrift_list_limit(const struct vrift_index_view *view) { return view->entry_capacity; }

#endif
