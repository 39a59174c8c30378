/*
 * The answer most calls get, by the shortest way: an absolute path below the root, spelled plainly, a virtual file the index may
 * speak for, its key in its entry. Everything else is false and goes the long way (look_fast.h), which decides it all again.
 *
 * A program that asks for one name after another waits for one entry in memory each time, and the processor begins the next
 * call's wait only as far ahead as its window reaches, some three hundred instructions. So they are counted here:
 *  - whether the path is plain is not asked: the index has no other keys, so that a path with `//` or `/.` is just not found;
 *  - where the key ends and whether it is the entry's is asked of 64 bytes at once, without branches that follow its length;
 *  - empty places are not looked for, and an entry is not copied: its words stay in registers until `seq` has been read again.
 */
#ifndef VRIFT_GLIMPSE_H
#define VRIFT_GLIMPSE_H

#include <emmintrin.h>

#include "look_fast.h"

_Static_assert(VRIFT_INLINE_KEY_SIZE == 64, "four times sixteen bytes");
_Static_assert(VRIFT_VALUE_WORDS == 6, "words of an entry before its links");

static ALWAYS_INLINE __m128i sixteen(const void *at) { return _mm_loadu_si128(at); }

/* A bit for each of 64 bytes that are equal. */
static ALWAYS_INLINE uint64_t equal_bytes(const __m128i a[4], const __m128i b[4]) {
  uint64_t low = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(a[0], b[0])) |
                 (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(a[1], b[1])) << 16;
  uint64_t high = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(a[2], b[2])) |
                  (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(a[3], b[3])) << 16;
  return low | high << 32;
}

/* The one place of the key's two groups that has its tag; VRIFT_NO_ENTRY when there is none. */
static ALWAYS_INLINE uint32_t tagged_place(const struct vrift_index_view *index, uint64_t hash) {
  uint32_t group = vrift_tag_group(hash, index->group_count), other = vrift_tag_other_group(hash, index->group_count);
  uint16_t tag = vrift_tag(hash);
  uint32_t same = vrift_tag_same(index->tags + (uint64_t)group * VRIFT_GROUP_ENTRIES, tag) |
                  vrift_tag_same(index->tags + (uint64_t)other * VRIFT_GROUP_ENTRIES, tag) << 16;
  vrift_tags_before_entries();
  if (__builtin_expect(same == 0, 0)) return VRIFT_NO_ENTRY;
  uint32_t bit = (uint32_t)__builtin_ctz(same);
  return (bit < 16 ? group : other) * VRIFT_GROUP_ENTRIES + bit % VRIFT_GROUP_ENTRIES;
}

/* Of a key that no tag is for: what was seen of it on the short way, so that the long way need not see it again. */
struct missed {
  const struct view *view; /* 0: nothing */
  uint64_t hash, begun;
};

/* True: `entry` has what stat tells (not its links, key, content hash). `path` is readable. */
__attribute__((no_sanitize("address"))) static ALWAYS_INLINE bool glimpse(const struct view *view, const char *path,
                                                                          struct vrift_entry *entry,
                                                                          struct missed *missed) {
  const struct vrift_index_view *index = &view->index;
  if (!below_root(view, path)) return false;
  const uint8_t *key = (const uint8_t *)path + view->root_length + 1;
  if (((uintptr_t)key & 4095) > 4096 - 64) return false;
  const __m128i text[4] = {sixteen(key), sixteen(key + 16), sixteen(key + 32), sixteen(key + 48)};
  const __m128i zeros[4] = {_mm_setzero_si128(), _mm_setzero_si128(), _mm_setzero_si128(), _mm_setzero_si128()};
  uint64_t ends = equal_bytes(text, zeros);
  /* The 65th byte is there when none before it ended the text. */
  if (__builtin_expect((ends & 1) != 0 || (ends == 0 && key[64] != 0), 0)) return false;
  uint64_t before_end = (ends & -ends) - 1;
  uint32_t length = ends == 0 ? 64 : (uint32_t)__builtin_ctzll(ends);
  uint64_t hash = vrift_path_hash(key, length);

  /* Marks, then the entry: it is at least as new as they are. */
  uint64_t begun = vrift_structure_begin(index);
  if (__builtin_expect(!mark_clean(view, hash) || !usable(view), 0)) return false;
  uint32_t number = tagged_place(index, hash);
  if (__builtin_expect(number == VRIFT_NO_ENTRY, 0)) {
    *missed = (struct missed){.view = view, .hash = hash, .begun = begun};
    return false;
  }

  const struct vrift_index_entry *from = &index->entries[number];
  const vrift_word *words = (const vrift_word *)(const void *)from;
  uint64_t first = __atomic_load_n(&words[0], __ATOMIC_ACQUIRE);
  uint64_t size = __atomic_load_n(&words[1], __ATOMIC_RELAXED), mtime = __atomic_load_n(&words[2], __ATOMIC_RELAXED);
  uint64_t ctime = __atomic_load_n(&words[3], __ATOMIC_RELAXED), ino = __atomic_load_n(&words[4], __ATOMIC_RELAXED);
  uint64_t last = __atomic_load_n(&words[5], __ATOMIC_RELAXED);
  const uint8_t *inline_key = from->inline_key;
  const __m128i own[4] = {sixteen(inline_key), sixteen(inline_key + 16), sixteen(inline_key + 32), sixteen(inline_key + 48)};
  uint32_t seq = (uint32_t)first;
  uint16_t flags = (uint16_t)(first >> 32);
  bool wrong = (before_end & ~equal_bytes(text, own)) != 0 || (first >> 48) != length || (seq & 1) != 0 || seq == 0 ||
               (flags & (VRIFT_ENTRY_FREE | VRIFT_ENTRY_VIRTUAL | VRIFT_ENTRY_KERNEL | KIND_FLAGS)) != VRIFT_ENTRY_VIRTUAL;
  if (__builtin_expect(wrong || !vrift_entry_held(from, seq), 0)) return false;
  entry->size = size;
  entry->mtime_ns = (int64_t)mtime;
  entry->ctime_ns = (int64_t)ctime;
  entry->ino = ino;
  entry->mode = (uint16_t)last;
  entry->blocks = (uint32_t)(last >> 32);
  return true;
}

/* A group of the key's that is not full ends the search for it. */
static inline bool search_ends(const struct vrift_index_view *index, uint64_t hash) {
  uint32_t group = vrift_tag_group(hash, index->group_count), other = vrift_tag_other_group(hash, index->group_count);
  uint16_t tag = vrift_tag(hash);
  return (vrift_tag_match(index->tags + (uint64_t)group * VRIFT_GROUP_ENTRIES, tag).empty |
          vrift_tag_match(index->tags + (uint64_t)other * VRIFT_GROUP_ENTRIES, tag).empty) != 0;
}

/* look_fast() behind glimpse(). What glimpse asked of marks and trust still counts: the answer is of a moment during the call. */
static ALWAYS_INLINE enum look look_after(const struct view *view, const struct missed *missed, int dirfd, const char *path,
                                          bool follow, struct vrift_entry *entry) {
  if (missed->view == view) {
    const char *key = path + view->root_length + 1;
    uint32_t length = scan_rest(key);
    if (length != 0 && !key_is_private((const uint8_t *)key, length) && search_ends(&view->index, missed->hash) &&
        vrift_structure_held(&view->index, missed->begun))
      return look_for_kind(view, look_absent(view, (const uint8_t *)key, length, true, missed->begun));
  }
  return look_fast(view, dirfd, path, follow, entry);
}

/* The view for it: whether it is superseded is asked with the rest of trust. Who is observed says why, which only the long way knows. */
static ALWAYS_INLINE const struct view *glimpse_view(const char *path) {
#ifdef VRIFT_OBSERVED
  (void)path;
  return 0;
#else
  const struct view *view = __atomic_load_n(&view_now, __ATOMIC_ACQUIRE);
  return __builtin_expect(view != 0 && readable(path), 1) ? view : 0;
#endif
}

#endif
