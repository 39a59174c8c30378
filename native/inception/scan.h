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

#endif
