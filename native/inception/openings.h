/*
 * Which descriptors share one open file description: a blob that this process opened, and the copies made of it since. Only of
 * those can it be said that nobody else holds them, so that all can be moved to the file together and go on sharing
 * offset and locks. A child of fork starts without any: what it inherited its parent holds too.
 *
 * Only while the process has one thread: another one may be reading, and moving is not atomic with the offset.
 *
 * Needed where another process is to act on the file behind a descriptor it inherits: `exec 9<file; flock 9` locks for the shell.
 */
#ifndef VRIFT_OPENINGS_H
#define VRIFT_OPENINGS_H

#include "view.h"

/* `fd` was opened here just now; of anything else, descriptor_remember and descriptor_forget have reset it. */
void opening_made(int fd);
void opening_shared(int from, int to);
void opening_forget(int fd);

/* Before a child comes to be: moves what it would inherit, from descriptor 3 on (0 to 2 are data, hardly ever locks). */
void openings_before_child(void);
/* Moves all that were opened by the name with this hash, whose file has just become physical. */
void openings_follow(const struct view *view, uint64_t key_hash);

#endif
