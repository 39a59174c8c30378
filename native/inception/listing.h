/*
 * Listing a directory that has virtual files: the kernel's names first, then the virtual ones no physical file hides.
 *
 * Every name that exists throughout is told exactly once, also when it becomes physical meanwhile: the virtual children are
 * written down before the first physical name is read; a physical name that is among them is struck out; what is left is
 * told at the end, whether it is still virtual or physical by then.
 */
#ifndef VRIFT_LISTING_H
#define VRIFT_LISTING_H

#include "place.h"

#define LISTING_INLINE 256

/* A virtual file as it was written down. Its number is another one after its directory was moved, or in a larger index; `id` is not. */
struct listed_child {
  uint32_t number; /* of its entry; the upper bit: told already */
  uint32_t id;     /* low half of its inode number */
};

struct listing {
  struct listed_child *children; /* null: no virtual file here */
  uint32_t count;
  uint32_t top;       /* entry of the directory */
  uint64_t structure; /* structure_seq when it was followed last, … */
  uint64_t numbered;  /* … and when the numbers were looked up */
  size_t mapped;      /* 0: in `few` */
  bool root;          /* `.vrift` is left out */
  struct listed_child few[LISTING_INLINE];
};

/* Is there anything this library must add or leave out in the directory? */
bool listing_needed(const struct view *view, const struct place *directory);

void listing_open(const struct view *view, const struct place *directory, struct listing *listing);
void listing_close(struct listing *listing);

/*
 * Before each use: when names have come, gone or moved since, `directory` becomes where `fd` lies now and the numbers those of the
 * same files there. Returns the view they belong to. `structure` has to be set before the first time.
 */
const struct view *listing_follow(const struct view *view, int fd, struct place *directory, struct listing *listing);

/* A physical name that the kernel told; false when it is to be left out. */
bool listing_physical(const struct view *view, const struct place *directory, struct listing *listing,
                      const char *name);

/* The virtual name at `*at` or the first behind it, as a record with d_off = cookie of the next; false at the end. */
bool listing_virtual(const struct view *view, const struct place *directory, int fd, struct listing *listing, uint32_t *at,
                     struct dirent64 *record);

/* Cookies (telldir, d_off) of virtual names are negative; the kernel's are not. */
static inline int64_t listing_cookie(uint32_t at) { return INT64_MIN + at; }
static inline bool listing_is_cookie(int64_t offset) { return offset < 0; }
static inline uint32_t listing_at(int64_t cookie) { return (uint32_t)(cookie - INT64_MIN); }

#endif
