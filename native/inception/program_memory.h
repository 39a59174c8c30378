/*
 * Memory that belongs to the program: what libc hands out (lists of scandir, streams of fts) is made by the malloc that the
 * program gives it back to: libc's, or its own (rustc's jemalloc). Never on a path that only reads.
 */
#ifndef VRIFT_PROGRAM_MEMORY_H
#define VRIFT_PROGRAM_MEMORY_H

#include "libc.h"

/* Null without memory; errno is malloc's. */
static inline void *program_allocate(size_t size) {
  void *(*allocate)(size_t) = PROGRAM(void *(*)(size_t), "malloc");
  return allocate ? allocate(size) : 0;
}

static inline void *program_enlarge(void *memory, size_t size) {
  void *(*enlarge)(void *, size_t) = PROGRAM(void *(*)(void *, size_t), "realloc");
  return enlarge ? enlarge(memory, size) : 0;
}

static inline void program_free(void *memory) {
  void (*give_back)(void *) = PROGRAM(void (*)(void *), "free");
  if (memory != 0 && give_back) give_back(memory);
}

#endif
