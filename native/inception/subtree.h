/* Everything the index has below a directory, for the calls that move or remove whole directories. */
#ifndef VRIFT_SUBTREE_H
#define VRIFT_SUBTREE_H

#include "place.h"

struct subtree {
  uint32_t *entries; /* numbers, parents before children; mapped, not allocated */
  size_t count;
  size_t mapped;
  /* Hashes of the same names, here and below `to`: what was begun is what is ended, whatever the index does meanwhile. */
  uint64_t *hashes;
  size_t hash_count;
  size_t hashes_mapped;
};

/* A snapshot; 0 or -errno (-ENOMEM). */
long subtree_open(const struct view *view, const struct place *directory, struct subtree *subtree);
/* Adds the names that the same entries will have below `to`. */
long subtree_add_destination(const struct view *view, const struct place *from, const struct place *to,
                             struct subtree *subtree);
void subtree_close(struct subtree *subtree);

void subtree_begin(const struct view *view, const struct subtree *subtree);
void subtree_end(const struct view *view, const struct subtree *subtree);

/* Is there a virtual file directly in this directory that a program would see? */
bool subtree_shows_file(const struct view *view, const struct place *directory);

/* Makes every virtual file below physical; stops at the first error. */
long subtree_hydrate(const struct view *view, const struct subtree *subtree);
/*
 * Whiteouts for every virtual file below; all of them are physical by now. They stay, even when the rename fails: they say
 * nothing while the files are there, and another program may have removed one of these meanwhile, relying on its whiteout.
 */
long subtree_white_out(const struct view *view, const struct subtree *subtree);

#endif
