#ifndef VRIFT_EXPORT_V1_H
#define VRIFT_EXPORT_V1_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "index_reader.h"

/*
 * The specification's manifest export (docs/index-format.md, "Version-1 export") of an index that may be changing meanwhile.
 * One thread at a time. The file is written through its descriptor once it has a name: nothing that others do to it ends or
 * misleads the daemon.
 */
struct vrift_export {
  int fd; /* -1: none */
  size_t size;
  uint32_t used;     /* entries looked at when it was built */
  uint64_t names;    /* structure_seq at that time; odd: it did not hold still */
  uint32_t *slot_of; /* [used] where in the stat table, and whether it is a directory; see export_v1.c */
  uint32_t *seq_of;  /* [used] `seq` of the entry whose values are in the file */
  uint32_t table_offset;
};

/*
 * Makes the file (O_EXCL, 0600) and fills it. 0; an errno; EFBIG when a section would begin at 4 GiB or beyond. A file that
 * could not be completed is removed.
 */
int vrift_export_make(const struct vrift_index_view *view, const char *path, struct vrift_export *export);

/*
 * Writes the values that changed since, in place; the hashes stay. False: names came, went or became something else, or the file
 * is not at `path` any more, so that a new one is needed. `view`: the one it was made from.
 */
bool vrift_export_refresh(const struct vrift_index_view *view, const char *path, struct vrift_export *export);

void vrift_export_close(struct vrift_export *export);

/* FNV-1a 64, with the two reserved values replaced. */
uint64_t vrift_export_hash(const uint8_t *key, uint64_t length);

#endif
