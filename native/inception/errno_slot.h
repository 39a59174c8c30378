/* libc's convention at the edge of the library: -1 and errno, or the value with errno untouched. */
#ifndef VRIFT_ERRNO_SLOT_H
#define VRIFT_ERRNO_SLOT_H

#include "kernel.h"

#define EXPORT __attribute__((visibility("default")))

/* The calling thread's errno, in glibc and musl alike. */
extern int *__errno_location(void) __attribute__((weak));

static inline void set_errno(int code) {
  if (__errno_location) *__errno_location() = code;
}

static inline long answer(long result) {
  if (!failed(result)) return result;
  set_errno((int)-result);
  return -1;
}

#endif
