/*
 * ManifestListDir from a mapped index: a COMPLETE directory that may be trusted lists every name there is, in no order. All
 * else is left to the caller.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "addon.h"
#include "shared_index.h"

#define COUNT_SIZE 8u
/* Of an entry without its name: its length, and whether it is a directory. */
#define ENTRY_SIZE (8u + 1u)
#define ATTEMPTS 8

struct child {
  const uint8_t *name;
  uint16_t length;
  uint8_t is_dir;
};

struct children {
  struct child *list;
  uint32_t count, room;
  uint8_t *names;
  size_t names_used, names_room;
  size_t encoded; /* bytes */
};

static bool grow(void **block, size_t size) {
  void *more = realloc(*block, size);
  if (more) *block = more;
  return more != NULL;
}

/* Names are copied, one behind the other; `name` is an offset until all are there. */
static bool add(struct children *children, const uint8_t *name, uint16_t length, bool is_dir) {
  if (children->count == children->room) {
    uint32_t room = children->room ? children->room * 2 : 64;
    if (!grow((void **)&children->list, room * sizeof *children->list)) return false;
    children->room = room;
  }
  if (children->names_used + length > children->names_room) {
    size_t room = (children->names_room ? children->names_room * 2 : 2048) + length;
    if (!grow((void **)&children->names, room)) return false;
    children->names_room = room;
  }
  memcpy(children->names + children->names_used, name, length);
  children->list[children->count++] =
      (struct child){.name = (const uint8_t *)children->names_used, .length = length, .is_dir = is_dir};
  children->names_used += length;
  children->encoded += ENTRY_SIZE + length;
  return true;
}

static bool is_project_directory(bool root, const uint8_t *name, uint16_t length) {
  return root && length == 6 && memcmp(name, ".vrift", 6) == 0;
}

/* False: the list changed under us, or is longer than a reply may be. */
static bool walk(const struct vrift_index_view *view, uint32_t top, bool root, size_t limit, struct children *children) {
  uint32_t left = vrift_list_limit(view);
  for (uint32_t number = vrift_first_child(view, top); number != 0; number = vrift_next_sibling(view, number), left--) {
    struct vrift_entry entry;
    if (left == 0 || vrift_entry_read(view, number, &entry) != 0) return false;
    if ((entry.flags & VRIFT_ENTRY_FREE) != 0 || entry.parent != top) return false;
    const uint8_t *name = vrift_entry_name(view, &entry);
    if (!name || entry.name_length == 0) return false;
    if (is_project_directory(root, name, entry.name_length)) continue;
    if (!add(children, name, entry.name_length, (entry.flags & VRIFT_ENTRY_DIR) != 0)) return false;
    if (children->encoded > limit) return false;
  }
  return true;
}

/* The directory's entry number, or 0xffffffff when the index may not answer for it. */
static uint32_t trusted_directory(const struct shared_index *shared, const uint8_t *key, size_t length, uint64_t hash) {
  const struct vrift_index_view *view = &shared->view;
  struct vrift_entry entry;
  uint32_t number;
  const uint16_t wanted = VRIFT_ENTRY_DIR | VRIFT_ENTRY_COMPLETE;
  bool clean = vrift_mark_clean(view, shared->marks, hash);
  if (vrift_index_lookup(view, key, length, hash, &entry, &number) != VRIFT_FOUND || !clean) return UINT32_MAX;
  if ((entry.flags & (wanted | VRIFT_ENTRY_KERNEL)) != wanted || !vrift_index_usable(view)) return UINT32_MAX;
  return number;
}

struct listing {
  const uint8_t *key;
  size_t length;
  size_t limit; /* of the encoded list */
  struct children children;
};

/* 1: collected. */
static int collect(const struct shared_index *shared, void *context) {
  const struct vrift_index_view *view = &shared->view;
  struct listing *listing = context;
  struct children *children = &listing->children;
  uint64_t hash = vrift_path_hash(listing->key, listing->length);
  for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
    uint64_t begun = vrift_structure_begin(view);
    uint32_t top = trusted_directory(shared, listing->key, listing->length, hash);
    if (top == UINT32_MAX) return CANNOT_SAY;
    children->count = 0;
    children->names_used = 0;
    children->encoded = COUNT_SIZE;
    bool walked = walk(view, top, listing->length == 0, listing->limit, children);
    if (children->encoded > listing->limit) return CANNOT_SAY;
    /* A name that came or went meanwhile moved the directory's mark before the index knew of it. */
    if (walked && vrift_structure_held(view, begun) && vrift_mark_clean(view, shared->marks, hash)) return 1;
  }
  return CANNOT_SAY;
}

/* Inside `.vrift` is not the index's business. */
static bool may_be_asked(const uint8_t *key, size_t length) {
  if (length >= 6 && memcmp(key, ".vrift", 6) == 0 && (length == 6 || key[6] == '/')) return false;
  return length < VRIFT_INDEX_PATH_MAX;
}

static int by_bytes(const void *a, const void *b) {
  const struct child *one = a, *other = b;
  size_t shorter = one->length < other->length ? one->length : other->length;
  int order = memcmp(one->name, other->name, shorter);
  return order ? order : (int)one->length - (int)other->length;
}

static uint8_t *put8(uint8_t *at, uint64_t value) {
  for (int i = 0; i < 8; i++, value >>= 8) *at++ = (uint8_t)value;
  return at;
}

static void encode(struct children *children, uint8_t *at) {
  for (uint32_t i = 0; i < children->count; i++)
    children->list[i].name = children->names + (size_t)children->list[i].name;
  qsort(children->list, children->count, sizeof *children->list, by_bytes);
  at = put8(at, children->count);
  for (uint32_t i = 0; i < children->count; i++) {
    const struct child *child = &children->list[i];
    at = put8(at, child->length);
    memcpy(at, child->name, child->length);
    at += child->length;
    *at++ = child->is_dir;
  }
}

/*
 * sharedIndexList(handle, bytes, from, to, head, limit): a Buffer with `head` bytes to be filled and the list behind them; null: not
 * known; undefined: another file may know.
 */
napi_value vrift_js_shared_index_list(napi_env env, napi_callback_info info) {
  napi_value arguments[6], result = NULL;
  uint8_t *bytes;
  size_t length;
  uint32_t from, to, head, limit;
  if (!vrift_arguments(env, info, 6, arguments)) return NULL;
  struct shared_index *shared = vrift_shared_argument(env, arguments[0]);
  if (!shared) return NULL;
  if (!vrift_shared_bytes(env, arguments[1], &bytes, &length) ||
      napi_get_value_uint32(env, arguments[2], &from) != napi_ok || napi_get_value_uint32(env, arguments[3], &to) != napi_ok ||
      napi_get_value_uint32(env, arguments[4], &head) != napi_ok ||
      napi_get_value_uint32(env, arguments[5], &limit) != napi_ok || from > to || to > length)
    return vrift_throw(env, EINVAL, "sharedIndexList", NULL);

  struct listing listing = {.key = bytes + from, .length = to - from, .limit = limit};
  int said = may_be_asked(listing.key, listing.length) ? vrift_shared_read(shared, collect, &listing) : CANNOT_SAY;
  void *out;
  if (said == OPEN_AGAIN)
    result = vrift_undefined(env);
  else if (said == CANNOT_SAY)
    napi_get_null(env, &result);
  else if (napi_create_buffer(env, head + listing.children.encoded, &out, &result) == napi_ok)
    encode(&listing.children, (uint8_t *)out + head);
  free(listing.children.list);
  free(listing.children.names);
  return result ? result : vrift_throw(env, ENOMEM, "sharedIndexList", NULL);
}
