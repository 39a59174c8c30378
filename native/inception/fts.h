/*
 * glibc's FTS and FTSENT, field by field (<fts.h>; both widths are the same on x86_64), and what makes and drops entries. An
 * entry is one piece of the program's memory, its path, name and stat in it.
 */
#ifndef VRIFT_FTS_H
#define VRIFT_FTS_H

#include "kernel.h"

enum {
  FTS_COMFOLLOW = 0x1,
  FTS_LOGICAL = 0x2,
  FTS_NOCHDIR = 0x4,
  FTS_NOSTAT = 0x8,
  FTS_PHYSICAL = 0x10,
  FTS_SEEDOT = 0x20,
  FTS_XDEV = 0x40,
  FTS_OPTION_MASK = 0xff,
  FTS_NAMEONLY = 0x100,
  FTS_STOP = 0x200,
  FTS_OURS = 0x40000000, /* not glibc's: this stream was made here */
};

enum {
  FTS_D = 1,
  FTS_DC,
  FTS_DEFAULT,
  FTS_DNR,
  FTS_DOT,
  FTS_DP,
  FTS_ERR,
  FTS_F,
  FTS_INIT,
  FTS_NS,
  FTS_NSOK,
  FTS_SL,
  FTS_SLNONE,
};

/* Of `instruction`, which fts_set of libc writes. */
enum { FTS_AGAIN = 1, FTS_FOLLOW, FTS_NOINSTR, FTS_SKIP };

struct fts_entry {
  struct fts_entry *cycle, *parent, *link;
  long number;
  void *pointer;
  char *access_path, *path;
  int error, link_descriptor;
  uint16_t path_length, name_length;
  uint64_t inode, device, links;
  int16_t level;
  uint16_t info, flags, instruction;
  struct stat *st;
  char name[];
};
_Static_assert(offsetof(struct fts_entry, path_length) == 64, "fts_pathlen");
_Static_assert(offsetof(struct fts_entry, inode) == 72, "fts_ino");
_Static_assert(offsetof(struct fts_entry, level) == 96, "fts_level");
_Static_assert(offsetof(struct fts_entry, st) == 104, "fts_statp");
_Static_assert(offsetof(struct fts_entry, name) == 112, "fts_name");

typedef int (*comparer)(const void *, const void *);

struct fts {
  struct fts_entry *current, *child, **array;
  uint64_t device;
  char *path;
  int root_descriptor, path_length, items;
  comparer compare;
  int options;
};
_Static_assert(offsetof(struct fts, options) == 64, "fts_options");

/* libc's fts_close must not take ours for its own: free() refuses what does not begin a piece of memory. */
struct fts_allocation {
  uint64_t unused[2];
  struct fts fts;
};
static inline struct fts_allocation *allocation_of(struct fts *fts) {
  return (struct fts_allocation *)(void *)((char *)fts - offsetof(struct fts_allocation, fts));
}

/* Null with errno set: no memory, or a path too long for fts_pathlen. */
struct fts_entry *fts_entry_make(const char *path, const char *name, struct fts_entry *parent, int level);
/* Fills in `info`, `st` and what goes with them. */
void fts_entry_stat(const struct fts *fts, struct fts_entry *entry, bool follow);
/* The name of a first entry is the last component of its path. */
void fts_entry_shorten(struct fts_entry *entry);
/* The names in the current directory; null when there are none or it cannot be read (then `info` says so). */
struct fts_entry *fts_build(struct fts *fts, bool names_only);
/* A list in the program's order. */
struct fts_entry *fts_sort(const struct fts *fts, struct fts_entry *first, size_t count);
/* An entry and its siblings to come. */
void fts_free_list(struct fts_entry *entry);

#endif
