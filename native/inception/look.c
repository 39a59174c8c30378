#include "look_fast.h"

#include "bytes.h"
#include "marks.h"
#include "scan.h"
#include "whiteout.h"

/*
 * No entry has this key. Its nearest ancestor that has one decides; marks are read before the lookups they guard. The first
 * missing name below that ancestor must be clean as well: a rename or a mkdir adds to the name's own word, too. `begun`
 * holds the lookups together: the daemon may add the name and complete the directory between two of them.
 */
enum look look_absent(const struct view *view, const uint8_t *key, uint32_t length, bool clean, uint64_t begun) {
  for (;;) {
    uint32_t end = length;
    length = last_slash(key, length);
    if (end - length > NAME_LIMIT + 1) return because(BECAUSE_INCOMPLETE, LOOK_ASK);
    struct vrift_entry entry;
    uint32_t number;
    bool missing_clean = clean;
    uint64_t hash = vrift_path_hash(key, length);
    clean = mark_clean(view, hash);
    switch (vrift_index_probe(&view->index, key, length, hash, &entry, &number)) {
    case VRIFT_UNSURE:
      return because(BECAUSE_BUSY, LOOK_ASK);
    case VRIFT_ABSENT:
      if (length == 0) return because(BECAUSE_INCOMPLETE, LOOK_ASK);
      continue;
    case VRIFT_FOUND:
      break;
    }
    if ((entry.flags & VRIFT_ENTRY_KERNEL) != 0) return because(BECAUSE_IGNORED, LOOK_KERNEL);
    if (!clean || (entry.flags & VRIFT_ENTRY_SYMLINK) != 0)
      return because(clean ? BECAUSE_LINK : BECAUSE_MARKED, LOOK_ASK);
    if (is_virtual(&entry)) return because(BECAUSE_BELOW_FILE, LOOK_NOT_DIRECTORY);
    if ((entry.flags & VRIFT_ENTRY_DIR) == 0) return because(BECAUSE_PHYSICAL, LOOK_KERNEL);
    if (!missing_clean || (entry.flags & VRIFT_ENTRY_COMPLETE) == 0)
      return because(missing_clean ? BECAUSE_INCOMPLETE : BECAUSE_MARKED, LOOK_ASK);
    return vrift_structure_held(&view->index, begun) ? because(BECAUSE_ABSENT, LOOK_ABSENT)
                                                     : because(BECAUSE_BUSY, LOOK_ASK);
  }
}

static enum look look_at(const struct view *view, int dirfd, const char *path, bool follow, bool whole,
                         struct place *place, struct vrift_entry *entry) {
  /* Where a descriptor leads the kernel has to be asked for, and it may as well be asked the question itself. */
  bool asked_anyway = view->solid && dirfd != AT_FDCWD && path[0] != '/';
  if (asked_anyway || !place_lexical(view, dirfd, path, place))
    return look_for_kind(view, because(BECAUSE_ELSEWHERE, LOOK_ASK));
  return look_for_kind(view, judge(view, place->key, place->length, place->hash, place->slash, place->known, follow, whole,
                                   entry, &place->number));
}

enum look look(const struct view *view, int dirfd, const char *path, bool follow, struct place *place,
               struct vrift_entry *entry) {
  return look_at(view, dirfd, path, follow, false, place, entry);
}

enum look look_elsewhere(const struct view *view, int dirfd, const char *path, bool follow, struct vrift_entry *entry) {
  struct place place;
  return look_at(view, dirfd, path, follow, false, &place, entry);
}

enum look look_content(const struct view *view, int dirfd, const char *path, bool follow, struct place *place,
                       struct vrift_entry *entry) {
  return look_at(view, dirfd, path, follow, true, place, entry);
}

bool virtual_and_listed(struct place *place, struct vrift_entry *entry) {
  for (int attempt = 0, waits = 0; attempt < 8; attempt++) {
    const struct view *view = view_newest();
    if (view == 0 || view->solid || !place->inside) return false;
    enum vrift_found found =
        vrift_index_lookup(&view->index, place->key, place->length, place->hash, entry, &place->number);
    if (found == VRIFT_ABSENT || (found == VRIFT_FOUND && !is_virtual(entry))) return false;
    if (found == VRIFT_UNSURE) {
      if (view_wait_for_change(view, waits++)) attempt--;
      continue;
    }
    if (whiteout_exists(view, place)) {
      besides(BESIDES_WHITEOUT);
      return false;
    }
    /*
     * The daemon removes an entry first and its whiteout afterwards. So no whiteout means something only when the entry is
     * still there.
     */
    struct vrift_entry again;
    found = vrift_index_lookup(&view->index, place->key, place->length, place->hash, &again, &place->number);
    if (found == VRIFT_FOUND && is_virtual(&again) && view_newest() == view) return true;
  }
  return false;
}

static bool physical(const struct view *view, const struct place *place) {
  char path[PATH_SIZE];
  return place_real_path(view, place, path) && raw_faccessat2(AT_FDCWD, path, 0, AT_SYMLINK_NOFOLLOW) == 0;
}

bool maybe_virtual(const struct place *place) {
  const struct view *view = view_newest();
  struct vrift_entry entry;
  uint32_t number;
  if (view == 0 || !place->inside) return false;
  enum vrift_found found =
      vrift_index_lookup(&view->index, place->key, place->length, place->hash, &entry, &number);
  return found == VRIFT_UNSURE || (found == VRIFT_FOUND &&
                                   (entry.flags & (VRIFT_ENTRY_VIRTUAL | VRIFT_ENTRY_KERNEL)) == VRIFT_ENTRY_VIRTUAL);
}

/*
 * No file, and after that no whiteout: so there was none before, and what was seen was the entry. The other way round a file that hid
 * the entry, and was moved away between the two, would leave it to be seen.
 */
bool virtual_and_seen(struct place *place, struct vrift_entry *entry) {
  const struct view *view = view_current();
  return view != 0 && maybe_virtual(place) && !physical(view, place) && virtual_and_listed(place, entry);
}

/*
 * The kernel found no directory where the path has one. The last name on the way that has a directory to be in decides: a virtual file is
 * ENOTDIR; of a symbolic link the way goes on at what it points to.
 */
static long through_file(const struct view *view, int dirfd, const char *path, enum follow follow, struct place *place,
                         struct vrift_entry *entry) {
  char text[PATH_SIZE], target[PATH_SIZE];
  size_t length = text_length(path);
  if (length + 3 > PATH_SIZE) return -ENOENT;
  memcpy(text, path, length + 1);
  /* The name itself is on the way when it is a link to be followed: as if there were something behind it. */
  if (follow == FOLLOW || (follow == FOLLOW_SLASH && length > 0 && text[length - 1] == '/'))
    length = (size_t)(append_text(text + length, "/x") - text);
  for (int links = 0;;) {
    while (length > 0 && text[length - 1] == '/') length--;
    while (length > 0 && text[length - 1] != '/') length--;
    while (length > 1 && text[length - 1] == '/') length--;
    if (length == 0) return -ENOENT;
    text[length] = 0;
    long result = place_physical(view, dirfd, text, FOLLOW_NEVER, place);
    if (result == -ENOENT) continue;
    if (result != 0) return -ENOENT;
    if (!place->link) return virtual_and_seen(place, entry) ? -ENOTDIR : -ENOENT;
    long size = raw_readlinkat(AT_FDCWD, place->text, target, PATH_SIZE - 3);
    if (failed(size) || links++ == SYMLINK_LIMIT) return -ENOENT;
    memcpy(target + size, "/x", 3);
    for (length = target[0] == '/' ? 0 : text_length(place->text); length > 0 && place->text[length - 1] != '/';) length--;
    if (length + (size_t)size + 3 > PATH_SIZE) return -ENOENT;
    memcpy(text, place->text, length);
    memcpy(text + length, target, (size_t)size + 3);
    length += (size_t)size + 2;
  }
}

long look_again(const struct view *view, int dirfd, const char *path, bool follow, struct place *place,
                struct vrift_entry *entry) {
  if (path[0] == 0 || view->solid) {
    place->inside = false;
    return -ENOENT;
  }
  long result = place_physical(view, dirfd, path, follow, place);
  if (result == -ENOENT) return through_file(view, dirfd, path, follow ? FOLLOW : FOLLOW_SLASH, place, entry);
  /* A file has taken the place of a directory since the kernel was asked. */
  if (result == -ENOTDIR) return result;
  if (result != 0 || !place->inside || place_is_private(place)) return -ENOENT;
  if (!virtual_and_listed(place, entry)) return -ENOENT;
  besides(BESIDES_ENTRY);
  return place->slash ? -ENOTDIR : 0;
}

bool look_became_physical(const struct place *place) {
  const struct view *view = view_current();
  struct vrift_entry entry;
  uint32_t number;
  return view != 0 && place->inside &&
         vrift_index_lookup(&view->index, place->key, place->length, place->hash, &entry, &number) == VRIFT_FOUND;
}

long look_error(const struct view *view, int dirfd, const char *path, enum follow follow, long result) {
  struct place place;
  struct vrift_entry entry;
  if (result != -ENOENT || path[0] == 0 || view->solid) return result;
  if (place_physical(view, dirfd, path, follow, &place) != -ENOENT) return result;
  return through_file(view, dirfd, path, follow, &place, &entry);
}

long look_parent(const struct view *view, int dirfd, const char *path) {
  struct place place;
  struct vrift_entry entry;
  char text[PATH_SIZE];
  size_t length = text_length(path);
  if (length == 0) return -ENOENT;
  if (length >= PATH_SIZE) return -ENAMETOOLONG;
  memcpy(text, path, length + 1);
  while (length > 0 && text[length - 1] == '/') length--;
  while (length > 0 && text[length - 1] != '/') length--;
  if (length == 0) return 0;
  text[length] = 0;
  long fd = raw_openat(dirfd, text, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
  if (fd == -ENOENT) return through_file(view, dirfd, path, FOLLOW_NEVER, &place, &entry);
  if (fd < 0) return fd;
  raw_close((int)fd);
  return 0;
}
