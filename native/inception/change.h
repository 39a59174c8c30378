/*
 * The shape of every changing call on one path: marks around it, the file made physical, the real call.
 * `raw` makes the real call with the caller's own arguments.
 */
#ifndef VRIFT_CHANGE_H
#define VRIFT_CHANGE_H

#include "view.h"

struct real_call {
  long number, a, b, c, d, e;
};

static inline long make_real_call(const struct real_call *call) {
  return raw5(call->number, call->a, call->b, call->c, call->d, call->e);
}

/* A change of what a descriptor stands for. */
long change_descriptor(int fd, const struct real_call *call);

/* A change of what is there: hydrated first when virtual. */
long change_file(int dirfd, const char *path, bool follow, const struct real_call *call);

/* A new name: EEXIST when a virtual file has it. */
long change_new_name(int dirfd, const char *path, const struct real_call *call);

#endif
