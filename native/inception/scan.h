/*
 * One pass over a path: its length, and whether it is plain, that is without empty, `.` and `..` components and without a
 * trailing slash. 16 bytes at a time; loads are aligned, so that none touches a page the string is not in.
 */
#ifndef VRIFT_SCAN_H
#define VRIFT_SCAN_H

#include <emmintrin.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct scan {
  size_t length;
  bool plain;
};

/* Decides about a component that starts with a dot at `dot`: `.x` and `..x` are names, `.` and `..` are not. */
static inline bool scan_is_dots(const char *dot) {
  if (dot[1] == 0 || dot[1] == '/') return true;
  return dot[1] == '.' && (dot[2] == 0 || dot[2] == '/');
}

/* `after_slash`: the byte before `path` was a slash (or there is none: a relative path). */
__attribute__((no_sanitize("address"))) static inline struct scan scan_path(const char *path, bool after_slash) {
  const __m128i zeros = _mm_setzero_si128(), slashes = _mm_set1_epi8('/'), dots = _mm_set1_epi8('.');
  unsigned skip = (unsigned)((uintptr_t)path & 15);
  const char *block = path - skip;
  /* Bytes before `path` in its block are treated as letters. */
  unsigned valid = 0xffffu << skip & 0xffffu;
  unsigned carry = after_slash ? 1u << skip : 0;
  struct scan result = {0, true};
  for (;; block += 16, valid = 0xffffu) {
    __m128i bytes = _mm_load_si128((const __m128i *)(const void *)block);
    unsigned end = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, zeros)) & valid;
    unsigned slash = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, slashes)) & valid;
    unsigned dot = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, dots)) & valid;
    unsigned before_end = end == 0 ? 0xffffu : (end & -end) - 1;
    slash &= before_end;
    unsigned starts = (slash << 1 | carry) & 0x1ffffu;
    if ((starts & slash) != 0) result.plain = false;
    for (unsigned suspect = starts & dot & before_end; suspect != 0; suspect &= suspect - 1)
      if (scan_is_dots(block + __builtin_ctz(suspect))) result.plain = false;
    if (end != 0) {
      unsigned at = (unsigned)__builtin_ctz(end);
      result.length = (size_t)(block + at - path);
      if ((starts >> at & 1) != 0) result.plain = false; /* empty, or ends in a slash */
      return result;
    }
    carry = starts >> 16;
  }
}

/* Longest text that scan_rest looks at. */
#define SCAN_REST_LIMIT 256

/*
 * The same for what follows a known prefix, the quick way: sixteen bytes and the sixteen one further on, so that a slash and
 * what comes behind it are compared at once. 0: not for this function (empty, not surely plain, long, or near the end of a
 * page that may be the last); else the length.
 */
__attribute__((no_sanitize("address"))) static inline uint32_t scan_rest(const char *rest) {
  const __m128i zeros = _mm_setzero_si128(), slashes = _mm_set1_epi8('/'), one = _mm_set1_epi8(1);
  if (((uintptr_t)rest & 4095) > 4096 - SCAN_REST_LIMIT - 32) return 0;
  if ((rest[0] | 1) == '/') return 0;
  for (uint32_t at = 0; at < SCAN_REST_LIMIT; at += 16) {
    __m128i here = _mm_loadu_si128((const __m128i *)(const void *)(rest + at));
    __m128i next = _mm_loadu_si128((const __m128i *)(const void *)(rest + at + 1));
    /* '.' and '/' differ in their lowest bit. */
    __m128i suspect = _mm_and_si128(_mm_cmpeq_epi8(_mm_or_si128(next, one), slashes), _mm_cmpeq_epi8(here, slashes));
    __m128i end = _mm_cmpeq_epi8(here, zeros);
    if (_mm_movemask_epi8(_mm_or_si128(suspect, end)) == 0) continue;
    unsigned stop = (unsigned)_mm_movemask_epi8(end), bad = (unsigned)_mm_movemask_epi8(suspect);
    if (stop == 0 || (bad & (stop ^ (stop - 1))) != 0) return 0;
    uint32_t length = at + (uint32_t)__builtin_ctz(stop);
    return length == 0 || rest[length - 1] == '/' ? 0 : length;
  }
  return 0;
}

/* Bytes of the path before its last slash; 0 without one. Reads only the `length` bytes, from the end. */
static inline uint32_t last_slash(const uint8_t *path, uint32_t length) {
  const __m128i slashes = _mm_set1_epi8('/');
  while (length >= 16) {
    __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(path + length - 16));
    unsigned found = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, slashes));
    if (found != 0) return length - 16 + (31 - (unsigned)__builtin_clz(found));
    length -= 16;
  }
  while (length > 0)
    if (path[--length] == '/') return length;
  return 0;
}

#endif
