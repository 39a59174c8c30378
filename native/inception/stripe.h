/*
 * Mutual exclusion of the first change of a virtual name, between processes and threads: one byte of `stripes` per path,
 * locked with all signals blocked (a handler that changes the same path would wait for itself).
 */
#ifndef VRIFT_STRIPE_H
#define VRIFT_STRIPE_H

#include "view.h"

struct stripe {
  int fd;
  uint64_t signals;
  long byte;
};

/* 0, or -errno with nothing held. */
long stripe_lock(uint64_t hash, struct stripe *stripe);
void stripe_unlock(struct stripe *stripe);

#endif
