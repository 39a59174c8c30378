#include "subtree.h"

#include "hydrate.h"
#include "look.h"
#include "marks.h"
#include "stripe.h"
#include "whiteout.h"

/* Breadth first: the list of numbers is its own queue. */
static bool walk(const struct view *view, uint32_t top, uint32_t limit, struct subtree *subtree) {
  const struct vrift_index_view *index = &view->index;
  uint64_t begun = vrift_structure_begin(index);
  size_t count = 0;
  for (size_t at = 0;; at++) {
    uint32_t directory = at == 0 ? top : subtree->entries[at - 1];
    for (uint32_t child = vrift_first_child(index, directory); child != 0 && count < limit;
         child = vrift_next_sibling(index, child))
      subtree->entries[count++] = child;
    if (at >= count) break;
  }
  subtree->count = count;
  return vrift_structure_held(index, begun);
}

long subtree_open(const struct view *view, const struct place *directory, struct subtree *subtree) {
  struct vrift_entry entry;
  uint32_t top;
  subtree->entries = 0;
  subtree->hashes = 0;
  subtree->count = subtree->hash_count = 0;
  if (vrift_index_lookup(&view->index, directory->key, directory->length, directory->hash, &entry, &top) !=
          VRIFT_FOUND ||
      (entry.flags & VRIFT_ENTRY_DIR) == 0 || vrift_first_child(&view->index, top) == 0)
    return 0;
  uint32_t limit = vrift_list_limit(&view->index);
  /* Untouched pages cost nothing. Twice for the hashes: here and at a destination. */
  subtree->mapped = (size_t)limit * sizeof *subtree->entries;
  subtree->hashes_mapped = (size_t)limit * 2 * sizeof *subtree->hashes;
  uint32_t *entries = raw_mmap(subtree->mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
  if (is_error(entries)) return -ENOMEM;
  uint64_t *hashes = raw_mmap(subtree->hashes_mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
  if (is_error(hashes)) {
    raw_munmap(entries, subtree->mapped);
    return -ENOMEM;
  }
  subtree->entries = entries;
  subtree->hashes = hashes;
  /* A writer that died in mid-change leaves the sequence odd for ever; what is listed then must do. */
  for (int waits = 0; !walk(view, top, limit, subtree) && view_wait_for_change(view, waits); waits++) continue;
  for (size_t i = 0; i < subtree->count; i++) {
    if (vrift_entry_read(&view->index, subtree->entries[i], &entry) != 0) continue;
    const uint8_t *key = vrift_entry_key(&view->index, &entry);
    if (key != 0) subtree->hashes[subtree->hash_count++] = vrift_path_hash(key, entry.key_length);
  }
  return 0;
}

void subtree_close(struct subtree *subtree) {
  if (subtree->entries == 0) return;
  raw_munmap(subtree->entries, subtree->mapped);
  raw_munmap(subtree->hashes, subtree->hashes_mapped);
}

long subtree_add_destination(const struct view *view, const struct place *from, const struct place *to,
                             struct subtree *subtree) {
  struct vrift_entry entry;
  uint8_t text[PATH_SIZE];
  for (size_t i = 0; i < subtree->count; i++) {
    if (vrift_entry_read(&view->index, subtree->entries[i], &entry) != 0) continue;
    const uint8_t *key = vrift_entry_key(&view->index, &entry);
    if (key == 0 || entry.key_length <= from->length) continue;
    uint32_t tail = entry.key_length - from->length;
    if (to->length + tail > PATH_SIZE) continue;
    __builtin_memcpy(text, to->key, to->length);
    __builtin_memcpy(text + to->length, key + from->length, tail);
    subtree->hashes[subtree->hash_count++] = vrift_path_hash(text, to->length + tail);
  }
  return 0;
}

void subtree_begin(const struct view *view, const struct subtree *subtree) {
  marks_begin(view);
  for (size_t i = 0; i < subtree->hash_count; i++) mark_name_begin(view, subtree->hashes[i]);
}

void subtree_end(const struct view *view, const struct subtree *subtree) {
  for (size_t i = 0; i < subtree->hash_count; i++) mark_name_end(view, subtree->hashes[i]);
  marks_end(view);
}

static bool shows_file(const struct view *view, uint32_t top) {
  struct vrift_entry entry;
  struct place place;
  uint32_t left = vrift_list_limit(&view->index);
  for (uint32_t child = vrift_first_child(&view->index, top); child != 0 && left > 0;
       child = vrift_next_sibling(&view->index, child), left--) {
    if (vrift_entry_read(&view->index, child, &entry) != 0) continue;
    if ((entry.flags & VRIFT_ENTRY_VIRTUAL) == 0 || !place_from_entry(view, &entry, &place)) continue;
    if (virtual_and_listed(&place, &entry)) return true;
  }
  return false;
}

bool subtree_shows_file(const struct view *view, const struct place *directory) {
  struct vrift_entry entry;
  uint32_t top;
  for (int waits = 0;; waits++) {
    uint64_t begun = vrift_structure_begin(&view->index);
    if (vrift_index_lookup(&view->index, directory->key, directory->length, directory->hash, &entry, &top) ==
            VRIFT_FOUND &&
        shows_file(view, top))
      return true;
    /* A list that changes while it is walked may end early. */
    if (vrift_structure_held(&view->index, begun) || !view_wait_for_change(view, waits)) return false;
  }
}

/* The place of the virtual entry `subtree->entries[i]`; false when it is none. */
static bool virtual_place(const struct view *view, const struct subtree *subtree, size_t i, struct place *place) {
  struct vrift_entry entry;
  if (vrift_entry_read(&view->index, subtree->entries[i], &entry) != 0) return false;
  return (entry.flags & (VRIFT_ENTRY_VIRTUAL | VRIFT_ENTRY_FREE)) == VRIFT_ENTRY_VIRTUAL &&
         place_from_entry(view, &entry, place);
}

long subtree_hydrate(const struct view *view, const struct subtree *subtree) {
  struct place place;
  for (size_t i = 0; i < subtree->count; i++) {
    if (!virtual_place(view, subtree, i, &place)) continue;
    long result = hydrate_below(view, &place);
    if (result != 0) return result;
  }
  return 0;
}

long subtree_white_out(const struct view *view, const struct subtree *subtree) {
  struct place place;
  struct vrift_entry entry;
  for (size_t i = 0; i < subtree->count; i++) {
    struct stripe stripe;
    bool made;
    if (!virtual_place(view, subtree, i, &place)) continue;
    /* Or who holds it takes ours for its own, and takes it back. */
    long result = stripe_lock(place.hash, &stripe);
    if (result != 0) return result;
    if (virtual_and_listed(&place, &entry)) result = whiteout_make(view, &place, &made);
    stripe_unlock(&stripe);
    if (result != 0) return result;
  }
  return 0;
}
