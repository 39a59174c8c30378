#include "whiteout.h"

#include "bytes.h"
#include "staging.h"

#define COLLISION_LIMIT 16

/*
 * Named after two hashes that have nothing to do with each other. Keys of one path hash are easily made, and with one name for
 * all of them there would be an end to the suffixes, and a hole in their row whenever one is taken away.
 */
static uint64_t second_hash(const struct place *place) {
  uint64_t hash = 0xcbf29ce484222325ull;
  for (uint32_t i = 0; i < place->length; i++) hash = (hash ^ place->key[i]) * 0x100000001b3ull;
  return hash;
}

static bool whiteout_path(const struct view *view, const struct place *place, int collision, char *out) {
  static const char directory[] = "/.vrift/whiteouts/";
  uint64_t second = second_hash(place);
  uint8_t hash[16];
  if (view->root_length + sizeof directory + 40 > PATH_SIZE) return false;
  for (int i = 0; i < 8; i++) hash[i] = (uint8_t)(place->hash >> (56 - 8 * i));
  for (int i = 0; i < 8; i++) hash[8 + i] = (uint8_t)(second >> (56 - 8 * i));
  char *end = append_text(out, view->root);
  end = append_hex(append_text(end, directory), hash, sizeof hash);
  if (collision > 0) end = append_decimal(append_text(end, "."), (uint64_t)collision);
  *end = 0;
  return true;
}

enum holds { HOLDS_NOTHING, HOLDS_KEY, HOLDS_OTHER };

/* Compares the file's text with the key in pieces: a key may be as long as a path. */
static enum holds holds(const char *path, const struct place *place) {
  uint8_t piece[256];
  uint32_t done = 0;
  int fd = (int)raw_openat(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0);
  if (fd < 0) return fd == -ENOENT ? HOLDS_NOTHING : HOLDS_OTHER;
  enum holds result = HOLDS_OTHER;
  for (;;) {
    long size = raw_read(fd, piece, sizeof piece);
    if (size == 0 && done == place->length) result = HOLDS_KEY;
    if (size <= 0 || (uint64_t)size > place->length - done) break;
    if (memcmp(piece, place->key + done, (size_t)size) != 0) break;
    done += (uint32_t)size;
  }
  raw_close(fd);
  return result;
}

static bool find(const struct view *view, const struct place *place, char *path) {
  for (int collision = 0; collision < COLLISION_LIMIT; collision++) {
    if (!whiteout_path(view, place, collision, path)) return false;
    switch (holds(path, place)) {
    case HOLDS_NOTHING:
      return false;
    case HOLDS_KEY:
      return true;
    case HOLDS_OTHER:
      break;
    }
  }
  return false;
}

bool whiteout_exists(const struct view *view, const struct place *place) {
  char path[PATH_SIZE];
  return find(view, place, path);
}

/* The directory of a file that could not be published there. */
static bool make_directory(char *path) {
  size_t slash = text_length(path);
  while (path[slash] != '/') slash--;
  path[slash] = 0;
  long result = raw2(__NR_mkdir, (long)path, 0700);
  path[slash] = '/';
  return result == 0 || result == -EEXIST;
}

long whiteout_make(const struct view *view, const struct place *place, bool *made) {
  char path[PATH_SIZE];
  struct staged staged;
  *made = false;
  if (find(view, place, path)) return 0;
  long result = staging_open(view, &staged);
  if (result != 0) return result;
  for (uint32_t done = 0; done < place->length && result >= 0;) {
    result = raw_write(staged.fd, place->key + done, place->length - done);
    if (result > 0) done += (uint32_t)result;
  }
  if (failed(result)) {
    staging_drop(view, &staged);
    return result;
  }
  for (int collision = 0; collision < COLLISION_LIMIT; collision++) {
    if (!whiteout_path(view, place, collision, path)) break;
    result = staging_publish(view, &staged, path);
    if (result == -ENOENT && make_directory(path)) result = staging_publish(view, &staged, path);
    if (result == -ENOENT) result = -EIO;
    if (result == -EEXIST && holds(path, place) != HOLDS_KEY) continue;
    if (result == 0) *made = true;
    if (result == -EEXIST) result = 0;
    break;
  }
  staging_drop(view, &staged);
  return result;
}

void whiteout_undo(const struct view *view, const struct place *place) {
  char path[PATH_SIZE];
  if (find(view, place, path)) raw_unlinkat(AT_FDCWD, path, 0);
}
