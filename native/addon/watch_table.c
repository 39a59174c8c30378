/* Hash table with chains; buckets double when there are as many entries. */
#include "watch_table.h"

#include <stdlib.h>
#include <string.h>

static struct vrift_watched **place(const struct vrift_watch_table *table, int wd) {
  struct vrift_watched **at = &table->buckets[(uint32_t)wd & (table->bucket_count - 1)];
  while (*at && (*at)->wd != wd) at = &(*at)->next;
  return at;
}

struct vrift_watched *vrift_watch_table_find(const struct vrift_watch_table *table, int wd) {
  return table->bucket_count ? *place(table, wd) : NULL;
}

static bool double_buckets(struct vrift_watch_table *table) {
  struct vrift_watch_table larger = {.bucket_count = table->bucket_count ? table->bucket_count * 2 : 64};
  larger.buckets = calloc(larger.bucket_count, sizeof *larger.buckets);
  if (!larger.buckets) return false;
  for (uint32_t i = 0; i < table->bucket_count; i++) {
    for (struct vrift_watched *one = table->buckets[i], *next; one; one = next) {
      next = one->next;
      struct vrift_watched **at = &larger.buckets[(uint32_t)one->wd & (larger.bucket_count - 1)];
      one->next = *at;
      *at = one;
    }
  }
  larger.count = table->count;
  free(table->buckets);
  *table = larger;
  return true;
}

bool vrift_watch_table_put(struct vrift_watch_table *table, int wd, const uint8_t *key, uint32_t length) {
  if (table->count >= table->bucket_count && !double_buckets(table)) return false;
  struct vrift_watched *one = malloc(sizeof *one + length);
  if (!one) return false;
  *one = (struct vrift_watched){.wd = wd, .key_length = length};
  memcpy(one->key, key, length);
  vrift_watch_table_remove(table, wd);
  struct vrift_watched **at = place(table, wd);
  *at = one;
  table->count++;
  return true;
}

void vrift_watch_table_remove(struct vrift_watch_table *table, int wd) {
  if (!table->bucket_count) return;
  struct vrift_watched **at = place(table, wd), *one = *at;
  if (!one) return;
  *at = one->next;
  table->count--;
  free(one);
}

void vrift_watch_table_free(struct vrift_watch_table *table) {
  for (uint32_t i = 0; i < table->bucket_count; i++)
    for (struct vrift_watched *one = table->buckets[i], *next; one; one = next) {
      next = one->next;
      free(one);
    }
  free(table->buckets);
}
