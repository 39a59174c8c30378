#include "bytes.h"
#include "cwd.h"
#include "marks.h"
#include "place.h"
#include "scan.h"

bool surely_directory(const struct view *view, const struct place *place) {
  struct vrift_entry entry;
  uint32_t number;
  if (!usable(view) || !mark_clean(view, place->hash)) return false;
  if (vrift_index_glance(&view->index, place->key, place->length, place->hash, &entry, &number) != VRIFT_FOUND)
    return false;
  return (entry.flags & (VRIFT_ENTRY_DIR | VRIFT_ENTRY_KERNEL)) == VRIFT_ENTRY_DIR;
}

/* The same of a key in a text: then `x/..` may be taken away. */
static bool is_sure(const struct view *view, const char *key, uint32_t length) {
  struct place place; /* not initialised: its text is long */
  place.key = (const uint8_t *)key;
  place.length = length;
  place.hash = vrift_path_hash(place.key, length);
  return surely_directory(view, &place);
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
      if (length == 0 || !is_sure(view, text, length)) return false;
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

/* A key that is the caller's own text. */
static bool as_written(struct place *place, const char *key, size_t length) {
  place->slash = false;
  place->key = (const uint8_t *)key;
  place->length = (uint32_t)length;
  return true;
}

/* What follows `<root>` in a path of `length` bytes: nothing, or a slash and the key. */
static bool after_root(const struct view *view, const char *rest, size_t length, bool plain, struct place *place) {
  if (length == 0) return as_written(place, rest, 0);
  if (rest[0] != '/' || length + view->root_length >= PATH_SIZE) return false;
  return plain ? as_written(place, rest + 1, length - 1) : walk(view, place, 0, rest + 1);
}

static bool absolute(const struct view *view, const char *path, struct place *place) {
  struct scan scan = scan_path(path, false);
  uint32_t root = view->root_length;
  if (scan.length < root || !vrift_bytes_equal((const uint8_t *)path, (const uint8_t *)view->root, root)) return false;
  return after_root(view, path + root, scan.length - root, scan.plain, place);
}

/* `base` is in place->text (`base_length` bytes, absolute): joins it with a relative path. */
static bool join(const struct view *view, size_t base_length, const char *path, struct place *place) {
  char *text = place->text;
  uint32_t root = view->root_length;
  if (base_length == root || (base_length > root && text[root] == '/')) {
    if (memcmp(text, view->root, root) != 0) return false;
    while (path[0] == '.' && path[1] == '/') {
      path += 2;
      while (*path == '/') path++;
    }
    struct scan scan = scan_path(path, true);
    if (!scan.plain) {
      /* text becomes the key alone. */
      uint32_t have = base_length == root ? 0 : (uint32_t)base_length - root - 1;
      if (have > 0) memmove(text, text + root + 1, have);
      return walk(view, place, have, path);
    }
    if (base_length + scan.length + 2 > PATH_SIZE) return false;
    text[base_length] = '/';
    memcpy(text + base_length + 1, path, scan.length + 1);
    return as_written(place, text + root + 1, base_length + 1 + scan.length - (root + 1));
  }
  /* The working directory is above the root: `proj/file`. */
  if (base_length == 1) base_length = 0;
  if (base_length >= root || memcmp(text, view->root, base_length) != 0 || view->root[base_length] != '/') return false;
  const char *rest = view->root + base_length + 1;
  while (path[0] == '.' && path[1] == '/') path += 2;
  while (*rest != 0)
    if (*path++ != *rest++) return false;
  struct scan scan = scan_path(path, false);
  return after_root(view, path, scan.length, scan.plain, place);
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
