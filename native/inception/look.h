/*
 * What a path means to a reading call, and whether the kernel must be asked (docs/ARCHITECTURE.md, "One read").
 *
 *   struct place place; struct vrift_entry entry;
 *   switch (look(view, dirfd, path, follow, &place, &entry)) {
 *   case LOOK_VIRTUAL:  answer from `entry`          case LOOK_ABSENT, LOOK_NOT_DIRECTORY: the error
 *   case LOOK_KERNEL:   the real call, whatever it says
 *   case LOOK_EXACT:    a physical name of a solid tree: `entry` has what exact.h answers from, all else is as LOOK_KERNEL
 *   case LOOK_ASK:      the real call; when it says ENOENT, look_again tells whether `entry` answers after all
 *   }
 */
#ifndef VRIFT_LOOK_H
#define VRIFT_LOOK_H

#include "place.h"

enum look { LOOK_VIRTUAL, LOOK_ABSENT, LOOK_NOT_DIRECTORY, LOOK_KERNEL, LOOK_EXACT, LOOK_ASK };

/* `entry` without its key and content hash. */
enum look look(const struct view *view, int dirfd, const char *path, bool follow, struct place *place,
               struct vrift_entry *entry);
/* Without the place, for who does not need it. */
enum look look_elsewhere(const struct view *view, int dirfd, const char *path, bool follow, struct vrift_entry *entry);
/* `entry` as a whole, for who is going to open its blob. */
enum look look_content(const struct view *view, int dirfd, const char *path, bool follow, struct place *place,
                       struct vrift_entry *entry);

/* In a solid tree nothing is there that the kernel does not find: LOOK_ASK is LOOK_KERNEL. */
static inline enum look look_for_kind(const struct view *view, enum look look) {
  return look == LOOK_ASK && view->solid ? LOOK_KERNEL : look;
}

/* After ENOENT from the kernel: 0 and `entry` when a virtual file is there, else -ENOENT or -ENOTDIR. */
long look_again(const struct view *view, int dirfd, const char *path, bool follow, struct place *place,
                struct vrift_entry *entry);

/*
 * After -ENOENT from look_again: may the name have become physical since the kernel was asked? Then the kernel has to be asked once
 * more, or a file that was there all the time, first as an entry and then as a file, would be told to be absent. Its entry is backed by
 * then, or whited out (what is in a directory that is exchanged).
 */
bool look_became_physical(const struct place *place);

/*
 * The error of a changing call, as it would be were every file physical: the kernel's ENOENT is ENOTDIR when the path runs
 * through a virtual file.
 */
long look_error(const struct view *view, int dirfd, const char *path, enum follow follow, long result);

/* What is wrong with the directory part of a path: 0, -ENOENT, -ENOTDIR … */
long look_parent(const struct view *view, int dirfd, const char *path);

/*
 * Is the entry of a true key virtual and without a whiteout? Whether a physical file hides it is the caller's question.
 * Reads the newest index.
 */
bool virtual_and_listed(struct place *place, struct vrift_entry *entry);

/*
 * Has it a virtual entry, whatever is on disk? Such a name needs a whiteout to vanish. Reads the newest index, once: true as well when
 * that is in the middle of a change.
 */
bool maybe_virtual(const struct place *place);

/* Virtual and listed, and no physical file is there: what every program sees at this name is the entry. */
bool virtual_and_seen(struct place *place, struct vrift_entry *entry);

/* Can a path be looked at by this library at all? Bad pointers are the kernel's to refuse. */
static inline bool readable(const char *path) { return (uintptr_t)path >= PATH_SIZE; }

#endif
