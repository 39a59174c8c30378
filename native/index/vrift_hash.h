/*
 * The path hash of docs/index-format.md. Freestanding: shared by the addon and the injected library.
 *
 * It is not keyed and anybody can find collisions; whoever uses it compares whole keys (slots) or accepts that two names
 * share a word (marks).
 */
#ifndef VRIFT_HASH_H
#define VRIFT_HASH_H

#include <stdint.h>

#include "vrift_layout.h"

#define VRIFT_HASH_K0 0x9E3779B97F4A7C15ull
#define VRIFT_HASH_K1 0x6A09E667F3BCC909ull
#define VRIFT_HASH_K2 0xBB67AE8584CAA73Bull

__extension__ typedef unsigned __int128 vrift_u128;

/* Loads of any alignment; little-endian is asserted because the format is. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the index format is little-endian");
struct vrift_unaligned8 {
  uint64_t value;
} __attribute__((packed, may_alias));
struct vrift_unaligned4 {
  uint32_t value;
} __attribute__((packed, may_alias));

static inline uint64_t vrift_load8(const uint8_t *at) { return ((const struct vrift_unaligned8 *)at)->value; }
static inline uint64_t vrift_load4(const uint8_t *at) { return ((const struct vrift_unaligned4 *)at)->value; }

static inline uint64_t vrift_hash_fold(uint64_t a, uint64_t b) {
  vrift_u128 product = (vrift_u128)a * b;
  return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t vrift_path_hash(const uint8_t *key, uint64_t length) {
  uint64_t h = VRIFT_HASH_K0, a = 0, b = 0, i = 0;
  for (; length - i > 16; i += 16)
    h = vrift_hash_fold(vrift_load8(key + i) ^ VRIFT_HASH_K1, vrift_load8(key + i + 8) ^ h);
  if (length >= 16) {
    a = vrift_load8(key + length - 16);
    b = vrift_load8(key + length - 8);
  } else if (length >= 8) {
    a = vrift_load8(key);
    b = vrift_load8(key + length - 8);
  } else if (length >= 4) {
    a = vrift_load4(key);
    b = vrift_load4(key + length - 4);
  } else if (length > 0) {
    a = (uint64_t)key[0] << 16 | (uint64_t)key[length >> 1] << 8 | key[length - 1];
  }
  return vrift_hash_fold(VRIFT_HASH_K2 ^ length, vrift_hash_fold(a ^ VRIFT_HASH_K1, b ^ h));
}

static inline uint32_t vrift_mark_word(uint64_t hash) { return (uint32_t)(hash >> 16) & (VRIFT_MARK_WORDS - 1); }

/* A whole operation on one name: begun and ended. */
static inline void vrift_marks_bump(uint64_t *marks, uint64_t hash) {
  __atomic_fetch_add(&marks[VRIFT_MARK_SUMMARY], VRIFT_MARK_BEGIN + VRIFT_MARK_END, __ATOMIC_ACQ_REL);
  __atomic_fetch_add(&marks[vrift_mark_word(hash)], VRIFT_MARK_BEGIN + VRIFT_MARK_END, __ATOMIC_ACQ_REL);
}

#endif
