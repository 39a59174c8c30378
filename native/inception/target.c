#include "target.h"

#include "marks.h"

/* The text of a path is its true key when its directory surely is one, and its end is no link that counts. */
static bool lexical_is_true(const struct view *view, struct place *place, enum follow follow) {
  struct vrift_entry entry;
  uint32_t number, length = place->length;
  if (length == 0) return true;
  if (!usable(view) || !mark_clean(view, place->hash)) return false;
  enum vrift_found found =
      vrift_index_lookup(&view->index, place->key, length, place->hash, &entry, &number);
  if (found == VRIFT_UNSURE) return false;
  if (found == VRIFT_FOUND) {
    /* An entry of this very key: no link above it. */
    if ((entry.flags & VRIFT_ENTRY_SYMLINK) != 0) return follow == FOLLOW_NEVER || (follow == FOLLOW_SLASH && !place->slash);
    return true;
  }
  while (length > 0 && place->key[length - 1] != '/') length--;
  if (length > 0) length--;
  uint64_t hash = vrift_path_hash(place->key, length);
  if (!mark_clean(view, hash)) return false;
  if (vrift_index_lookup(&view->index, place->key, length, hash, &entry, &number) != VRIFT_FOUND) return false;
  const uint16_t wanted = VRIFT_ENTRY_DIR | VRIFT_ENTRY_COMPLETE;
  return (entry.flags & (wanted | VRIFT_ENTRY_KERNEL)) == wanted;
}

bool target_find(const struct view *view, int dirfd, const char *path, enum follow follow, struct target *target) {
  struct place *place = &target->place;
  if (!readable(path) || path[0] == 0) return false;
  bool found = place_lexical(view, dirfd, path, place) && lexical_is_true(view, place, follow);
  if (!found && place_physical(view, dirfd, path, follow, place) != 0) return false;
  if (!place->inside || place_is_private(place)) return false;
  target->parent_hash = place_parent_hash(place);
  return true;
}

void target_begin(const struct view *view, const struct target *target) {
  marks_begin(view);
  mark_name_begin(view, target->place.hash);
  mark_name_begin(view, target->parent_hash);
}

void target_end(const struct view *view, const struct target *target) {
  mark_name_end(view, target->parent_hash);
  mark_name_end(view, target->place.hash);
  marks_end(view);
}
