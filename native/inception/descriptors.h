/*
 * Which entry a blob's descriptor was opened for, so that fstat agrees with stat. A static table by descriptor number;
 * an item counts only while the descriptor still is that blob, so nothing has to be removed and a stale item is harmless.
 */
#ifndef VRIFT_DESCRIPTORS_H
#define VRIFT_DESCRIPTORS_H

#include "view.h"

#define DESCRIPTOR_LIMIT 4096

/* `ino` of the entry. */
void descriptor_remember(int fd, uint32_t entry, uint64_t key_hash, uint64_t blob_ino, uint64_t ino);
void descriptor_copied(int from, int to);
void descriptor_forget(int fd);
/* The hash of the name it was opened by, if it is a blob at all. */
uint64_t descriptor_key(int fd);

/*
 * The entry behind a descriptor whose own stat is `st`: from the table, else from the name of the blob. False when it is no
 * blob, or one of no virtual entry.
 */
bool descriptor_entry(const struct view *view, int fd, const struct stat *st, struct vrift_entry *entry);

/* The same with the stat taken here. */
bool descriptor_is_blob(const struct view *view, int fd, struct vrift_entry *entry);

/*
 * For calls that change what a descriptor stands for, and so must never reach a blob. `named`: the entry of the name it was
 * opened by, also when that is a physical file by now. Otherwise the name is gone, or not known, and `entry` only says what
 * the content is. False: no blob at all.
 */
bool descriptor_file(const struct view *view, int fd, struct vrift_entry *entry, bool *named);

/* `<fd>:<entry>:<check>,…` of those that survive exec, for VRIFT_FDS; false when there is none. */
bool descriptors_write(const struct view *view, char *out, size_t size);
void descriptors_read(const struct view *view, const char *text);

#endif
