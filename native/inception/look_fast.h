/*
 * look(), inlined into the calls that programs make by the hundred thousand: stat, statx, access. The processor waits for one
 * entry in memory while it goes on with what follows, the program's next call included, as far as that fits into its window
 * of some three hundred instructions; so they are counted here.
 */
#ifndef VRIFT_LOOK_FAST_H
#define VRIFT_LOOK_FAST_H

#include "look.h"
#include "marks.h"
#include "scan.h"

#define ALWAYS_INLINE __attribute__((always_inline)) inline
#define KIND_FLAGS (VRIFT_ENTRY_DIR | VRIFT_ENTRY_SYMLINK)

static inline bool is_virtual(const struct vrift_entry *entry) {
  return (entry->flags & (VRIFT_ENTRY_VIRTUAL | VRIFT_ENTRY_KERNEL | KIND_FLAGS)) == VRIFT_ENTRY_VIRTUAL;
}

/* The text of the root, when reading so much of `path` touches no page it may not be in. */
__attribute__((no_sanitize("address"))) static ALWAYS_INLINE bool below_root(const struct view *view, const char *path) {
  uint32_t root = view->root_length;
  return ((uintptr_t)path & 4095) + root <= 4096 &&
         vrift_bytes_equal((const uint8_t *)path, (const uint8_t *)view->root, root) && path[root] == '/';
}

/* place_lexical for the usual path: absolute, `<root>/<key>`, plain. False: somebody else's. */
static ALWAYS_INLINE bool place_plain(const struct view *view, const char *path, struct place *place) {
  if (!below_root(view, path)) return false;
  const char *key = path + view->root_length + 1;
  uint32_t length = scan_rest(key);
  if (length == 0) return false;
  place->inside = place->known = true;
  place->slash = place->link = false;
  place->key = (const uint8_t *)key;
  place->length = length;
  place->hash = vrift_path_hash((const uint8_t *)key, length);
  return true;
}

/* What a key without an entry means; `clean` and `begun` were read before the entry was looked for. */
enum look look_absent(const struct view *view, const struct place *place, bool clean, uint64_t begun);

static ALWAYS_INLINE enum look judge(const struct view *view, struct place *place, bool follow, bool whole,
                                     struct vrift_entry *entry) {
  uint64_t begun = vrift_structure_begin(&view->index);
  bool clean = mark_clean(view, place->hash);
  enum vrift_found found =
      whole ? vrift_index_lookup(&view->index, place->key, place->length, place->hash, entry, &place->number)
            : vrift_index_probe(&view->index, place->key, place->length, place->hash, entry, &place->number);
  switch (found) {
  case VRIFT_UNSURE:
    return LOOK_ASK;
  case VRIFT_ABSENT:
    if (place_is_private(place)) return LOOK_KERNEL;
    return look_absent(view, place, clean, begun);
  case VRIFT_FOUND:
    break;
  }
  if ((entry->flags & VRIFT_ENTRY_KERNEL) != 0) return LOOK_KERNEL;
  if (!clean || !usable(view)) return LOOK_ASK;
  if (is_virtual(entry)) return place->slash ? LOOK_NOT_DIRECTORY : LOOK_VIRTUAL;
  if ((entry->flags & VRIFT_ENTRY_SYMLINK) != 0 && (follow || place->slash)) return LOOK_ASK;
  return LOOK_KERNEL;
}

static ALWAYS_INLINE enum look look_fast(const struct view *view, int dirfd, const char *path, bool follow,
                                         struct place *place, struct vrift_entry *entry) {
  if (__builtin_expect(!place_plain(view, path, place), 0)) return look(view, dirfd, path, follow, place, entry);
  return judge(view, place, follow, false, entry);
}

#endif
