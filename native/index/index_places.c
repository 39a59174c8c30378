/* Where a name lies in the table, and what leads to it: the tags. */
#include "index_writer_internal.h"

/* Of the group's places, the first that nobody has, entry 0's never; NO_ENTRY when there is none. `taken` counts the others. */
static uint32_t free_place(const struct vrift_index_writer *writer, uint32_t group, uint32_t *taken) {
  uint32_t first = group * VRIFT_GROUP_ENTRIES, found = VRIFT_NO_ENTRY;
  *taken = 0;
  for (uint32_t number = first; number < first + VRIFT_GROUP_ENTRIES; number++) {
    if (number == 0 || writer->tags[number] >= VRIFT_TAG_FIRST)
      ++*taken;
    else if (found == VRIFT_NO_ENTRY)
      found = number;
  }
  return found;
}

/* Where a new name goes: into the emptier of its two groups, or, when both are full, on from the first. */
uint32_t vrift_place_find(const struct vrift_index_writer *writer, uint64_t hash) {
  uint32_t groups = writer->view.group_count, taken, other_taken;
  uint32_t place = free_place(writer, vrift_tag_next_group(hash, groups, 0), &taken);
  uint32_t other = free_place(writer, vrift_tag_next_group(hash, groups, 1), &other_taken);
  if (other_taken < taken) place = other;
  for (uint32_t probe = 2; place == VRIFT_NO_ENTRY; probe++)
    place = free_place(writer, vrift_tag_next_group(hash, groups, probe), &taken);
  return place;
}

void vrift_place_take(struct vrift_index_writer *writer, uint32_t number, uint16_t tag) {
  if (writer->tags[number] == VRIFT_TAG_REMOVED) STORE(writer->header->removed_tags, writer->header->removed_tags - 1);
  __atomic_store_n(&writer->tags[number], tag, __ATOMIC_RELEASE);
}

/*
 * A name lies beyond its two groups only when both were full, and a group that was full keeps its removed tags. So in a
 * group that has an empty place no search has to go on.
 */
void vrift_place_leave(struct vrift_index_writer *writer, uint32_t number) {
  uint32_t first = number - number % VRIFT_GROUP_ENTRIES;
  uint32_t empty = vrift_tag_match(writer->tags + first, VRIFT_TAG_REMOVED).empty;
  STORE(writer->tags[number], empty != 0 ? VRIFT_TAG_EMPTY : VRIFT_TAG_REMOVED);
  if (empty == 0) STORE(writer->header->removed_tags, writer->header->removed_tags + 1);
}
