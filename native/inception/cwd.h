/* The working directory, without asking the kernel each time. */
#ifndef VRIFT_CWD_H
#define VRIFT_CWD_H

#include "view.h"

/*
 * Copies the absolute working directory to `out` (PATH_SIZE bytes, NUL-terminated): its length, or -errno. The kernel's
 * answer "(unreachable)…" is -ENOENT. `*known` (may be null) is false when the directory may have been moved without any
 * mark telling, so that names below it must not be declared absent.
 */
long cwd_get(const struct view *view, char *out, bool *known);

/* Around every change of the working directory. */
void cwd_changing(void);
void cwd_changed(void);
/* unshare(CLONE_FS) and the like: threads no longer share one; never cached again. */
void cwd_forget_for_ever(void);

void cwd_start(void);

#endif
