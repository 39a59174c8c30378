#include "bytes.h"
#include "cwd.h"
#include "marks.h"
#include "place.h"
#include "scan.h"

/* Is the directory `text[0..length)` of the workspace surely a directory, so that `x/..` may be taken away? */
static bool surely_directory(const struct view *view, const char *key, uint32_t length) {
  struct vrift_entry entry;
  uint32_t number;
  uint64_t hash = vrift_path_hash((const uint8_t *)key, length);
  if (!usable(view) || !mark_clean(view, hash)) return false;
  if (vrift_index_lookup(&view->index, (const uint8_t *)key, length, hash, &entry, &number) != VRIFT_FOUND)
    return false;
  return (entry.flags & (VRIFT_ENTRY_DIR | VRIFT_ENTRY_KERNEL)) == VRIFT_ENTRY_DIR;
}

/*
 * Appends the components of `rest` to the key of `length` bytes that place->text starts with. `..` is taken away only
 * behind a sure directory. False: leaves the root, too long, or cannot be said.
 */
static bool walk(const struct view *view, struct place *place, uint32_t length, const char *rest) {
  char *text = place->text;
  place->slash = false;
  for (const char *at = rest; *at != 0;) {
    if (*at == '/') {
      place->slash = true;
      at++;
      continue;
    }
    const char *end = at;
    while (*end != 0 && *end != '/') end++;
    size_t size = (size_t)(end - at);
    place->slash = false;
    if (size == 1 && at[0] == '.') {
      place->slash = true;
    } else if (size == 2 && at[0] == '.' && at[1] == '.') {
      if (length == 0 || !surely_directory(view, text, length)) return false;
      while (length > 0 && text[length - 1] != '/') length--;
      if (length > 0) length--;
      place->slash = true;
    } else {
      if (length + size + 2 > PATH_SIZE) return false;
      if (length > 0) text[length++] = '/';
      memcpy(text + length, at, size);
      length += (uint32_t)size;
    }
    at = end;
  }
  text[length] = 0;
  place->key = (const uint8_t *)text;
  place->length = length;
  return true;
}

/* The key below the root: `rest` is what follows `<root>/`, as the caller wrote it. */
static bool below_root(const struct view *view, const char *rest, struct place *place) {
  struct scan scan = scan_path(rest, true);
  if (scan.length >= PATH_SIZE - view->root_length) return false;
  if (scan.plain) {
    place->slash = false;
    place->key = (const uint8_t *)rest;
    place->length = (uint32_t)scan.length;
  } else if (!walk(view, place, 0, rest)) {
    return false;
  }
  return true;
}

static bool absolute(const struct view *view, const char *path, struct place *place) {
  const char *root = view->root;
  while (*root != 0)
    if (*path++ != *root++) return false;
  if (*path == '/') return below_root(view, path + 1, place);
  place->slash = false;
  place->key = (const uint8_t *)path;
  place->length = 0;
  return *path == 0;
}

/* `base` is in place->text (`base_length` bytes, absolute): joins it with a relative path. */
static bool join(const struct view *view, size_t base_length, const char *path, struct place *place) {
  char *text = place->text;
  uint32_t root = view->root_length;
  if (base_length == root || (base_length > root && text[root] == '/')) {
    if (memcmp(text, view->root, root) != 0) return false;
    uint32_t have = base_length == root ? 0 : (uint32_t)base_length - root - 1;
    /* text becomes the key alone. */
    if (have > 0) memmove(text, text + root + 1, have);
    while (path[0] == '.' && path[1] == '/') {
      path += 2;
      while (*path == '/') path++;
    }
    struct scan scan = scan_path(path, true);
    if (!scan.plain) return walk(view, place, have, path);
    if (have + scan.length + 2 > PATH_SIZE) return false;
    if (have > 0) text[have++] = '/';
    memcpy(text + have, path, scan.length + 1);
    place->slash = false;
    place->key = (const uint8_t *)text;
    place->length = have + (uint32_t)scan.length;
    return true;
  }
  /* The working directory is above the root: `proj/file`. */
  if (base_length == 1) base_length = 0;
  if (base_length >= root || memcmp(text, view->root, base_length) != 0 || view->root[base_length] != '/') return false;
  const char *rest = view->root + base_length + 1;
  while (path[0] == '.' && path[1] == '/') path += 2;
  while (*rest != 0)
    if (*path++ != *rest++) return false;
  if (*path == '/') return below_root(view, path + 1, place);
  place->slash = false;
  place->key = (const uint8_t *)path;
  place->length = 0;
  return *path == 0;
}

bool place_lexical(const struct view *view, int dirfd, const char *path, struct place *place) {
  bool inside;
  place->known = true;
  place->link = false;
  if (path[0] == '/') {
    inside = absolute(view, path, place);
  } else if (path[0] == 0) {
    inside = false;
  } else {
    long length = dirfd == AT_FDCWD ? cwd_get(view, place->text, &place->known) : descriptor_path(dirfd, place->text);
    inside = length > 0 && join(view, (size_t)length, path, place);
  }
  place->inside = inside;
  if (inside) place->hash = vrift_path_hash(place->key, place->length);
  return inside;
}
