/* Between index_file.c and index_writer.c. */
#ifndef VRIFT_INDEX_WRITER_INTERNAL_H
#define VRIFT_INDEX_WRITER_INTERNAL_H

#include "index_writer.h"

/* 2^28 entries are 40 GiB; their places and groups stay within u32. */
#define VRIFT_MAX_ENTRIES (1u << 28)

/* Takes `alive` for the calling thread. */
int vrift_writer_claim(struct vrift_index_writer *writer);
/* Which start of the machine this is; zeros when it cannot be told. */
void vrift_boot_id(uint8_t id[16]);
/* Entry 0 of an empty file. */
void vrift_writer_add_root(struct vrift_index_writer *writer);
/* Entries, keys (without those no longer used), seen and counters of another file into an empty one. ENOSPC. */
int vrift_writer_copy(struct vrift_index_writer *writer, const struct vrift_index_writer *from);

#endif
