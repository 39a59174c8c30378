/*
 * The observed library's second half: counts and traces what the wrapped calls (wrapped.c) and the start of a program tell. It never fails a
 * program, allocates nothing, leaves errno alone, and keeps no descriptor open between two calls.
 */
#ifndef VRIFT_OBSERVE_H
#define VRIFT_OBSERVE_H

#include <stdbool.h>

#include "counters.h"

/* Once, from the constructor, before and after the index was mapped. */
void observe_start(char *const envp[]);
void observe_started(bool has_view);

/* A statically linked program is about to be started. */
void observe_static(void);

/* Around a call: what observe_begin gives belongs to observe_end. */
struct noted observe_begin(enum call call);

#define NO_DESCRIPTOR (-1000)
struct operand {
  int fd;           /* NO_DESCRIPTOR: none to be shown */
  const char *path; /* null: none */
};
/* `result` null: not known yet. */
void observe_end(struct noted before, const long *result, struct operand first, struct operand second);
/* A call that may not come back, and when it did. */
void observe_exec(struct operand program);
void observe_exec_failed(long result, struct operand program);

#endif
