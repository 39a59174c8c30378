#include "bytes.h"
#include "place.h"

long descriptor_path(int fd, char *out) {
  static const char deleted[] = " (deleted)";
  char name[32];
  struct stat st;
  if (fd < 0) return -EBADF;
  *append_decimal(append_text(name, "/proc/self/fd/"), (uint64_t)fd) = 0;
  long length = raw_readlinkat(AT_FDCWD, name, out, PATH_SIZE - 1);
  if (failed(length)) return length;
  out[length] = 0;
  if (out[0] != '/') return -ENOENT;
  size_t tail = sizeof deleted - 1;
  if ((size_t)length > tail && memcmp(out + length - tail, deleted, tail) == 0 &&
      (raw_fstat(fd, &st) != 0 || st.st_nlink == 0))
    return -ENOENT;
  return length;
}

void place_from_text(const struct view *view, struct place *place, size_t length) {
  const char *text = place->text;
  uint32_t root = view->root_length;
  place->inside = length >= root && memcmp(text, view->root, root) == 0 && (length == root || text[root] == '/');
  if (!place->inside) return;
  uint32_t skip = length == root ? root : root + 1;
  place->key = (const uint8_t *)text + skip;
  place->length = (uint32_t)(length - skip);
  place->hash = vrift_path_hash(place->key, place->length);
}

bool place_from_entry(const struct view *view, const struct vrift_entry *entry, struct place *place) {
  const uint8_t *key = vrift_entry_key(&view->index, entry);
  if (key == 0 || view->root_length + entry->key_length + 2 > PATH_SIZE) return false;
  memcpy(place->text, view->root, view->root_length);
  place->text[view->root_length] = '/';
  memcpy(place->text + view->root_length + 1, key, entry->key_length);
  size_t length = view->root_length + 1 + entry->key_length;
  place->text[length] = 0;
  place->slash = place->link = false;
  place->known = true;
  place_from_text(view, place, length);
  return true;
}

uint64_t place_parent_hash(const struct place *place) {
  uint32_t length = place->length;
  while (length > 0 && place->key[length - 1] != '/') length--;
  return vrift_path_hash(place->key, length > 0 ? length - 1 : 0);
}

bool place_real_path(const struct view *view, const struct place *place, char *out) {
  if (view->root_length + place->length + 2 > PATH_SIZE) return false;
  memcpy(out, view->root, view->root_length);
  out[view->root_length] = '/';
  memcpy(out + view->root_length + 1, place->key, place->length);
  out[view->root_length + 1 + place->length] = 0;
  return true;
}

bool place_directory_path(const struct view *view, const struct place *place, char *out) {
  if (!place_real_path(view, place, out)) return false;
  uint32_t length = view->root_length + 1 + place->length;
  while (out[length - 1] != '/') length--;
  out[length - 1] = 0;
  return true;
}

/* The last component of `path`: its start and end; `end` leaves out trailing slashes. */
static void last_component(const char *path, size_t *start, size_t *end, bool *slash) {
  size_t length = text_length(path), stop = length;
  while (stop > 0 && path[stop - 1] == '/') stop--;
  size_t begin = stop;
  while (begin > 0 && path[begin - 1] != '/') begin--;
  *start = begin;
  *end = stop;
  *slash = stop != length;
}

static bool is_dots(const char *name, size_t length) {
  return length == 0 || (length == 1 && name[0] == '.') || (length == 2 && name[0] == '.' && name[1] == '.');
}

bool path_ends_in_dots(const char *path) {
  size_t start, end;
  bool slash;
  last_component(path, &start, &end, &slash);
  return is_dots(path + start, end - start);
}

long place_physical(const struct view *view, int dirfd, const char *path, enum follow follow, struct place *place) {
  char link[PATH_SIZE];
  int parent = dirfd;
  bool opened = false;
  long result = 0;
  place->slash = place->link = false;
  place->known = true;
  for (int links = 0;; links++) {
    size_t start, end;
    bool slash;
    if (links > SYMLINK_LIMIT) {
      result = -ELOOP;
      break;
    }
    if (text_length(path) >= PATH_SIZE) {
      result = -ENAMETOOLONG;
      break;
    }
    last_component(path, &start, &end, &slash);
    if (slash) place->slash = true;
    bool whole = is_dots(path + start, end - start);
    /* The parent's own text, terminated; text is free until the descriptor's path is read into it. */
    char *text = place->text;
    size_t length = whole ? text_length(path) : start;
    memcpy(text, path, length);
    if (length == 0) text[length++] = '.';
    text[length] = 0;
    int directory = (int)raw_openat(parent, text, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    if (opened) raw_close(parent);
    opened = false;
    if (directory < 0) {
      result = directory;
      break;
    }
    parent = directory;
    opened = true;
    long size = descriptor_path(parent, text);
    if (failed(size)) {
      result = size;
      break;
    }
    if (whole) {
      place->slash = true;
      place_from_text(view, place, (size_t)size);
      break;
    }
    if ((size_t)size + (end - start) + 2 > PATH_SIZE) {
      result = -ENAMETOOLONG;
      break;
    }
    if (text[size - 1] != '/') text[size++] = '/';
    size_t name = (size_t)size;
    memcpy(text + name, path + start, end - start);
    size_t total = name + (end - start);
    text[total] = 0;
    /* The text is complete, so `link` may be overwritten even when `path` is in it. */
    long link_size = raw_readlinkat(parent, text + name, link, PATH_SIZE - 1);
    bool is_link = !failed(link_size);
    /* A trailing slash goes through a link whatever the call says. */
    if (!is_link || follow == FOLLOW_NEVER || (follow == FOLLOW_SLASH && !place->slash)) {
      place->link = is_link;
      place_from_text(view, place, total);
      break;
    }
    link[link_size] = 0;
    path = link;
  }
  if (opened) raw_close(parent);
  if (result != 0) place->inside = false;
  return result;
}
