/*
 * A whiteout says that the virtual file of a key is gone: `.vrift/whiteouts/<32 hex>`, two hashes of the key, holding the key; when
 * that name belongs to another key, `.1`, `.2` … is appended.
 */
#ifndef VRIFT_WHITEOUT_H
#define VRIFT_WHITEOUT_H

#include "place.h"

bool whiteout_exists(const struct view *view, const struct place *place);
/* 0: there is one now; `*made` tells whether it was this call. Else -errno, and there is none. */
long whiteout_make(const struct view *view, const struct place *place, bool *made);
/* Takes back what whiteout_make made, when the real call failed. */
void whiteout_undo(const struct view *view, const struct place *place);

#endif
