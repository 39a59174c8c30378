/*
 * Tags: 16 bits of the hash for every place in the table, sixteen of them compared at once. They are small enough to stay
 * in the processor's caches, so that a name costs one wait for memory (its entry) and an absent name none.
 */
#ifndef VRIFT_TAGS_H
#define VRIFT_TAGS_H

#include <stdint.h>

#include "vrift_hash.h"
#include "vrift_layout.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* One bit for each place of a group. With a group that has an empty place a search ends: it was never full. */
struct vrift_tag_matches {
  uint32_t same;
  uint32_t empty;
};

static inline uint16_t vrift_tag(uint64_t hash) {
  uint16_t tag = (uint16_t)hash;
  return tag < VRIFT_TAG_FIRST ? (uint16_t)(tag + VRIFT_TAG_FIRST) : tag;
}

/*
 * A key has two groups and lies in the emptier of them, in a later one only when both were full: so the table may be fifteen
 * sixteenths full and nearly every search ends after two. 32 bits of the hash, scaled, so that the table may have any size.
 */
static inline uint32_t vrift_tag_group(uint64_t hash, uint32_t groups) {
  return (uint32_t)((hash >> 32) * groups >> 32);
}
static inline uint32_t vrift_tag_other_group(uint64_t hash, uint32_t groups) {
  return (uint32_t)((hash >> 16 & UINT32_MAX) * groups >> 32);
}

/* The groups of a search in their order: first, second, then those behind the first. */
static inline uint32_t vrift_tag_next_group(uint64_t hash, uint32_t groups, uint32_t probe) {
  if (probe == 1) return vrift_tag_other_group(hash, groups);
  return (uint32_t)(((uint64_t)vrift_tag_group(hash, groups) + (probe == 0 ? 0 : probe - 1)) % groups);
}

#if defined(__SSE2__)
/* A tag is stored and loaded whole whatever the width of the load: it never lies across a cache line. */
static inline struct vrift_tag_matches vrift_tag_match(const uint16_t *tags, uint16_t tag) {
  __m128i low = _mm_load_si128((const __m128i *)(const void *)tags);
  __m128i high = _mm_load_si128((const __m128i *)(const void *)(tags + 8));
  __m128i wanted = _mm_set1_epi16((short)tag), zero = _mm_setzero_si128();
  __asm__ volatile("" ::: "memory"); /* an entry is loaded after the tag that led to it (x86 keeps loads in order) */
  return (struct vrift_tag_matches){
      .same = (uint32_t)_mm_movemask_epi8(_mm_packs_epi16(_mm_cmpeq_epi16(low, wanted), _mm_cmpeq_epi16(high, wanted))),
      .empty = (uint32_t)_mm_movemask_epi8(_mm_packs_epi16(_mm_cmpeq_epi16(low, zero), _mm_cmpeq_epi16(high, zero)))};
}
/* Only the places that have the tag; vrift_tags_before_entries comes behind it. */
static inline uint32_t vrift_tag_same(const uint16_t *tags, uint16_t tag) {
  __m128i wanted = _mm_set1_epi16((short)tag);
  __m128i low = _mm_cmpeq_epi16(_mm_load_si128((const __m128i *)(const void *)tags), wanted);
  __m128i high = _mm_cmpeq_epi16(_mm_load_si128((const __m128i *)(const void *)(tags + 8)), wanted);
  return (uint32_t)_mm_movemask_epi8(_mm_packs_epi16(low, high));
}
static inline void vrift_tags_before_entries(void) { __asm__ volatile("" ::: "memory"); }
static inline int vrift_equal16(const uint8_t *a, const uint8_t *b) {
  __m128i same = _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(const void *)a),
                                _mm_loadu_si128((const __m128i *)(const void *)b));
  return _mm_movemask_epi8(same) == 0xffff;
}
#else
static inline struct vrift_tag_matches vrift_tag_match(const uint16_t *tags, uint16_t tag) {
  struct vrift_tag_matches matches = {0, 0};
  for (uint32_t i = 0; i < VRIFT_GROUP_ENTRIES; i++) {
    uint16_t found = __atomic_load_n(&tags[i], __ATOMIC_ACQUIRE);
    if (found == tag) matches.same |= 1u << i;
    if (found == VRIFT_TAG_EMPTY) matches.empty |= 1u << i;
  }
  return matches;
}
static inline uint32_t vrift_tag_same(const uint16_t *tags, uint16_t tag) { return vrift_tag_match(tags, tag).same; }
static inline void vrift_tags_before_entries(void) {}
static inline int vrift_equal16(const uint8_t *a, const uint8_t *b) {
  return vrift_load8(a) == vrift_load8(b) && vrift_load8(a + 8) == vrift_load8(b + 8);
}
#endif

#endif
