/*
 * look(), inlined into the calls that programs make by the hundred thousand: stat, statx, access. The processor waits for one
 * entry in memory while it goes on with what follows, the program's next call included, as far as that fits into its window
 * of some three hundred instructions; so they are counted here.
 */
#ifndef VRIFT_LOOK_FAST_H
#define VRIFT_LOOK_FAST_H

#include "because.h"
#include "bytes.h"
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

/* What a key without an entry means; `clean` and `begun` were read before the entry was looked for. */
enum look look_absent(const struct view *view, const uint8_t *key, uint32_t length, bool clean, uint64_t begun);

/* Inside `.vrift`: the library's own files, always the kernel's. */
static ALWAYS_INLINE bool key_is_private(const uint8_t *key, uint32_t length) {
  return length >= 6 && memcmp(key, ".vrift", 6) == 0 && (length == 6 || key[6] == '/');
}

/* `known`: false when the key may not be what it seems, so that it must not be declared absent (cwd.h). */
static ALWAYS_INLINE enum look judge(const struct view *view, const uint8_t *key, uint32_t length, uint64_t hash,
                                     bool slash, bool known, bool follow, bool whole, struct vrift_entry *entry,
                                     uint32_t *number) {
  uint64_t begun = vrift_structure_begin(&view->index);
  bool clean = mark_clean(view, hash);
  enum vrift_found found = whole ? vrift_index_lookup(&view->index, key, length, hash, entry, number)
                                 : vrift_index_probe(&view->index, key, length, hash, entry, number);
  if (__builtin_expect(found != VRIFT_FOUND, 0)) {
    if (found == VRIFT_UNSURE) return because(BECAUSE_BUSY, LOOK_ASK);
    if (key_is_private(key, length)) return because(BECAUSE_PRIVATE, LOOK_KERNEL);
    return known && usable(view) ? look_absent(view, key, length, clean, begun)
                                 : because(known ? BECAUSE_DISTRUSTED : BECAUSE_MOVED, LOOK_ASK);
  }
  bool trusted = clean && usable(view);
  if (__builtin_expect(trusted && is_virtual(entry) && !slash, 1)) return because(BECAUSE_VIRTUAL, LOOK_VIRTUAL);
  if ((entry->flags & VRIFT_ENTRY_KERNEL) != 0) return because(BECAUSE_IGNORED, LOOK_KERNEL);
  if (!trusted) return because(clean ? BECAUSE_DISTRUSTED : BECAUSE_MARKED, LOOK_ASK);
  if (is_virtual(entry)) return because(BECAUSE_BELOW_FILE, LOOK_NOT_DIRECTORY);
  if ((entry->flags & VRIFT_ENTRY_SYMLINK) != 0 && (follow || slash)) return because(BECAUSE_LINK, LOOK_ASK);
  if ((entry->flags & VRIFT_ENTRY_EXACT) != 0 && known && (!slash || (entry->flags & VRIFT_ENTRY_DIR) != 0)) {
    entry->number = *number;
    return because(BECAUSE_EXACT, LOOK_EXACT);
  }
  return because(BECAUSE_PHYSICAL, LOOK_KERNEL);
}

/* look() for the usual path, absolute and plain; all others go there. */
static ALWAYS_INLINE enum look look_fast(const struct view *view, int dirfd, const char *path, bool follow,
                                         struct vrift_entry *entry) {
  if (__builtin_expect(below_root(view, path), 1)) {
    const char *key = path + view->root_length + 1;
    uint32_t length = scan_rest(key), number;
    if (__builtin_expect(length != 0, 1))
      return look_for_kind(view, judge(view, (const uint8_t *)key, length, vrift_path_hash((const uint8_t *)key, length), false,
                                       true, follow, false, entry, &number));
  }
  return look_elsewhere(view, dirfd, path, follow, entry);
}

#endif
