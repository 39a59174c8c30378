/*
 * Where a path leads: the key of a name inside the workspace, or outside. Two ways:
 *  - place_lexical looks at the text only (and at the cached working directory). The key may still run through a symbolic
 *    link; entries of the index exist only under names without one, so a hit needs no more.
 *  - place_physical asks the kernel for the parent: directories and links are always physical. Its key is the true one.
 */
#ifndef VRIFT_PLACE_H
#define VRIFT_PLACE_H

#include "view.h"

struct place {
  bool inside;
  bool slash; /* ends in `/` or `/.`: only a directory will do */
  bool known; /* false: never declare it absent without the kernel (cwd.h) */
  bool link;  /* place_physical without `follow` found a symbolic link here */
  uint32_t length;
  const uint8_t *key; /* points into `text`, or into the caller's path; NUL behind it unless `slash` */
  uint64_t hash;
  uint32_t number; /* of the index entry, when a lookup found one */
  char text[PATH_SIZE]; /* absolute path, when the key points into it */
};

/* True when the key was found; `place->inside` is set accordingly. */
bool place_lexical(const struct view *view, int dirfd, const char *path, struct place *place);

/* Is the key that of a directory, and nothing has changed that? Uses key, length and hash. */
bool surely_directory(const struct view *view, const struct place *place);

/* What becomes of a symbolic link at the end of a path; behind it may be a slash, as in lstat("link/"). */
enum follow {
  FOLLOW_NEVER = -1, /* calls that make, move or remove the name itself */
  FOLLOW_SLASH = 0,
  FOLLOW = 1,
};

/* 0, or -errno of the kernel for the parent or the links on the way. */
long place_physical(const struct view *view, int dirfd, const char *path, enum follow follow, struct place *place);

/* Sets key, length and hash from the absolute path in place->text, of `length` bytes. */
void place_from_text(const struct view *view, struct place *place, size_t length);

/* The place of an index entry (a copy of it); false when its key cannot be had or is too long. */
bool place_from_entry(const struct view *view, const struct vrift_entry *entry, struct place *place);

/* Hash of the key's directory; the root is its own. */
uint64_t place_parent_hash(const struct place *place);

/* `<root>/<key>` into PATH_SIZE bytes; false when too long. */
bool place_real_path(const struct view *view, const struct place *place, char *out);

/* The same of the directory that holds the name. */
bool place_directory_path(const struct view *view, const struct place *place, char *out);

/* Path behind a descriptor into PATH_SIZE bytes, NUL-terminated: length or -errno; -ENOENT when it was deleted. */
long descriptor_path(int fd, char *out);

/* Ends in `.` or `..`, which no call makes, removes or renames: the kernel refuses. */
bool path_ends_in_dots(const char *path);

/* Inside `.vrift`: the library's own files, always the kernel's. */
static inline bool place_is_private(const struct place *place) {
  if (place->length < 6 || place->key[0] != '.' || place->key[1] != 'v' || place->key[2] != 'r' ||
      place->key[3] != 'i' || place->key[4] != 'f' || place->key[5] != 't')
    return false;
  return place->length == 6 || place->key[6] == '/';
}

#endif
