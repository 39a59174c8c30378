/*
 * What only libc can do (FILE streams, its own DIR, glob): the next definition of a symbol after ours, looked up at first use
 * and never in the constructor. Null when there is none.
 */
#ifndef VRIFT_LIBC_H
#define VRIFT_LIBC_H

#include "kernel.h"

void *libc_next(void **slot, const char *name);
/* The definition that the program itself and libc use: an allocator of its own when it has one. */
void *program_symbol(void **slot, const char *name);

/* The function type of `name` as declared by a local typedef; evaluates to a callable pointer. */
#define LIBC(type, name) \
  ({ \
    static void *slot; \
    (type) libc_next(&slot, name); \
  })

/* The same of what the program may have put in libc's place. */
#define PROGRAM(type, name) \
  ({ \
    static void *slot; \
    (type) program_symbol(&slot, name); \
  })

#endif
