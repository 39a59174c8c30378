/*
 * The only things this library ever writes to stderr: a statically linked program sees only files that are really there, and
 * a file whose content is not whole in the store cannot be read. Each once per run (VRIFT_RUN).
 */
#ifndef VRIFT_NOTICE_H
#define VRIFT_NOTICE_H

#include "view.h"

/*
 * Looks at the program that is about to run: true when this library will not be in it (static, another machine's, set-user-ID, or it cannot
 * be told). In a phantom tree a static one is told of once per run (VRIFT_RUN).
 */
bool notice_program(const struct view *view, int dirfd, const char *path, int flags);

/* The content of a virtual entry cannot be had. Says nothing when a file is in its place by now. */
void notice_damaged(const struct view *view, const struct vrift_entry *entry);

/* Once, from the constructor: the name of this run, or null. */
void notice_start(const char *run);

#endif
