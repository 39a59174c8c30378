#ifndef VRIFT_WATCH_TABLE_H
#define VRIFT_WATCH_TABLE_H

#include <stdbool.h>
#include <stdint.h>

/* Watched directories by watch descriptor. Descriptors only grow, so that a plain array would grow for ever. */
struct vrift_watched {
  struct vrift_watched *next;
  int wd;
  bool deleted; /* IN_DELETE_SELF came: IN_IGNORED follows and loses nothing */
  uint32_t key_length;
  uint8_t key[];
};

struct vrift_watch_table {
  struct vrift_watched **buckets;
  uint32_t bucket_count; /* power of two, or 0 */
  uint32_t count;
};

struct vrift_watched *vrift_watch_table_find(const struct vrift_watch_table *table, int wd);
/* Adds or replaces: false without memory. */
bool vrift_watch_table_put(struct vrift_watch_table *table, int wd, const uint8_t *key, uint32_t length);
void vrift_watch_table_remove(struct vrift_watch_table *table, int wd);
void vrift_watch_table_free(struct vrift_watch_table *table);

#endif
