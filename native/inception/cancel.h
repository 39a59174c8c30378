/*
 * Calls that may block are cancellation points in libc. While one of them is in the kernel, cancellation is asynchronous, as
 * libc does it itself; only the bare system call is inside, so that nothing of ours is held then.
 */
#ifndef VRIFT_CANCEL_H
#define VRIFT_CANCEL_H

#include "kernel.h"

extern int pthread_setcanceltype(int type, int *old) __attribute__((weak));

static inline int cancel_begin(void) {
  int old = 0;
  if (pthread_setcanceltype) pthread_setcanceltype(1 /* PTHREAD_CANCEL_ASYNCHRONOUS */, &old);
  return old;
}
static inline void cancel_end(int old) {
  if (pthread_setcanceltype) pthread_setcanceltype(old, &old);
}

/* A FIFO or a device may keep an open waiting. */
static inline long blocking_openat(int dirfd, const char *path, int flags, unsigned mode) {
  int type = cancel_begin();
  long result = raw_openat(dirfd, path, flags, mode);
  cancel_end(type);
  return result;
}
static inline long blocking_fcntl(int fd, int command, long argument) {
  int type = cancel_begin();
  long result = raw_fcntl(fd, command, argument);
  cancel_end(type);
  return result;
}

#endif
