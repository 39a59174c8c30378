/* Between the files of the writer. */
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

/* The order of stores (index_writer.c): what a reader's racing load sees is a whole word. */
#define STORE(target, value) __atomic_store_n(&(target), (value), __ATOMIC_RELAXED)

static inline void structure_begin(struct vrift_index_writer *writer) {
  STORE(writer->header->structure_seq, writer->header->structure_seq + 1);
  __atomic_thread_fence(__ATOMIC_RELEASE);
}

static inline void structure_end(struct vrift_index_writer *writer) {
  __atomic_store_n(&writer->header->structure_seq, writer->header->structure_seq + 1, __ATOMIC_RELEASE);
}

static inline void write_begin(struct vrift_index_entry *entry) {
  STORE(entry->seq, entry->seq + 1);
  __atomic_thread_fence(__ATOMIC_RELEASE);
}

static inline void write_end(struct vrift_index_entry *entry) { __atomic_store_n(&entry->seq, entry->seq + 1, __ATOMIC_RELEASE); }

/* index_places.c */
uint32_t vrift_place_find(const struct vrift_index_writer *writer, uint64_t hash);
/* A tag for an entry that is whole, and its end. */
void vrift_place_take(struct vrift_index_writer *writer, uint32_t number, uint16_t tag);
void vrift_place_leave(struct vrift_index_writer *writer, uint32_t number);

/* index_keys.c */
/* EINVAL, ENAMETOOLONG; EEXIST: the root's. */
int vrift_key_check(const uint8_t *key, uint64_t length);
/* Where the last component begins. */
uint64_t vrift_key_name(const uint8_t *key, uint64_t length);
/* The directory of a key whose last component begins at `start`. ENOENT, ENOTDIR. */
int vrift_parent_find(const struct vrift_index_writer *writer, const uint8_t *key, uint64_t start, uint32_t *parent);
/* Appends to the pool; there is room. */
uint32_t vrift_key_pool(struct vrift_index_writer *writer, const uint8_t *key, uint64_t length);
void vrift_key_store(struct vrift_index_writer *writer, struct vrift_index_entry *entry, const uint8_t *key,
                     uint64_t length);
const uint8_t *vrift_key_of(const struct vrift_index_writer *writer, const struct vrift_index_entry *entry);
/* In front of its siblings; out of them. */
void vrift_child_link(struct vrift_index_writer *writer, uint32_t parent, uint32_t entry);
void vrift_child_unlink(struct vrift_index_writer *writer, const struct vrift_index_entry *entry);
/* index_writer.c. Inside an odd `structure_seq`: an entry without children goes. */
void vrift_entry_drop(struct vrift_index_writer *writer, uint32_t number);

/* Bytes of the pool that a key takes. */
static inline uint64_t vrift_pool_size(uint64_t length) { return length > VRIFT_INLINE_KEY_SIZE ? length : 0; }

static inline bool vrift_in_use(const struct vrift_index_writer *writer, uint32_t entry) {
  if (entry >= writer->view.entry_capacity) return false;
  return writer->entries[entry].seq != 0 && !(writer->entries[entry].flags & VRIFT_ENTRY_FREE);
}

#endif
