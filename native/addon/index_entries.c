/* The index writer for JavaScript: entries, one by one and packed. */
#include <errno.h>
#include <string.h>

#include "index_handle.h"

static bool read_value(napi_env env, napi_value object, struct vrift_index_value *value) {
  napi_value field;
  uint32_t flags;
  const uint8_t *hash;
  size_t hash_length;
  if (!vrift_property(env, object, "flags", &field) || !vrift_u32_argument(env, field, &flags)) return false;
  if (!vrift_property(env, object, "mode", &field) || !vrift_u32_argument(env, field, &value->mode)) return false;
  if (!vrift_property(env, object, "size", &field) || !vrift_u64_argument(env, field, &value->size)) return false;
  if (!vrift_property(env, object, "mtimeNs", &field) || !vrift_i64_argument(env, field, &value->mtime_ns)) return false;
  if (!vrift_property(env, object, "ctimeNs", &field) || !vrift_i64_argument(env, field, &value->ctime_ns)) return false;
  if (!vrift_property(env, object, "ino", &field) || !vrift_u64_argument(env, field, &value->ino)) return false;
  if (!vrift_property(env, object, "blocks", &field) || !vrift_u32_argument(env, field, &value->blocks)) return false;
  if (!vrift_property(env, object, "hash", &field) || !vrift_bytes_argument(env, field, &hash, &hash_length)) return false;
  if (hash_length != sizeof value->content_hash || flags > UINT16_MAX) {
    vrift_throw(env, EINVAL, "index value", NULL);
    return false;
  }
  memcpy(value->content_hash, hash, sizeof value->content_hash);
  value->flags = (uint16_t)flags;
  return true;
}

/* With the key in the message, shortened. */
static napi_value refuse(napi_env env, int error, const char *call, const uint8_t *key, size_t length) {
  char text[300];
  size_t shown = length < sizeof text - 1 ? length : sizeof text - 1;
  memcpy(text, key, shown);
  text[shown] = 0;
  return vrift_throw(env, error, call, text);
}

napi_value vrift_js_index_insert(napi_env env, napi_callback_info info) {
  napi_value arguments[3], result;
  const uint8_t *key;
  size_t length;
  struct vrift_index_value value;
  uint32_t entry;
  if (!vrift_arguments(env, info, 3, arguments)) return NULL;
  struct vrift_index_handle *handle = vrift_index_handle_argument(env, arguments[0]);
  if (!handle || !vrift_bytes_argument(env, arguments[1], &key, &length) || !read_value(env, arguments[2], &value))
    return NULL;
  int error = vrift_writer_insert(&handle->writer, key, length, &value, &entry);
  if (error) return refuse(env, error, "indexInsert", key, length);
  napi_create_uint32(env, entry, &result);
  return result;
}

napi_value vrift_js_index_update(napi_env env, napi_callback_info info) {
  napi_value arguments[3];
  struct vrift_index_value value;
  uint32_t entry;
  if (!vrift_arguments(env, info, 3, arguments)) return NULL;
  struct vrift_index_handle *handle = vrift_index_handle_argument(env, arguments[0]);
  if (!handle || !vrift_u32_argument(env, arguments[1], &entry) || !read_value(env, arguments[2], &value)) return NULL;
  int error = vrift_writer_update(&handle->writer, entry, &value);
  return error ? vrift_throw(env, error, "indexUpdate", NULL) : vrift_undefined(env);
}

napi_value vrift_js_index_remove(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  uint32_t entry;
  if (!vrift_arguments(env, info, 2, arguments)) return NULL;
  struct vrift_index_handle *handle = vrift_index_handle_argument(env, arguments[0]);
  if (!handle || !vrift_u32_argument(env, arguments[1], &entry)) return NULL;
  int error = vrift_writer_remove(&handle->writer, entry);
  return error ? vrift_throw(env, error, "indexRemove", NULL) : vrift_undefined(env);
}

napi_value vrift_js_index_find(napi_env env, napi_callback_info info) {
  napi_value arguments[2], result;
  const uint8_t *key;
  size_t length;
  if (!vrift_arguments(env, info, 2, arguments)) return NULL;
  struct vrift_index_handle *handle = vrift_index_handle_argument(env, arguments[0]);
  if (!handle || !vrift_bytes_argument(env, arguments[1], &key, &length)) return NULL;
  uint32_t entry = vrift_index_find(&handle->writer.view, key, length, vrift_path_hash(key, length));
  napi_create_int64(env, entry == VRIFT_NO_ENTRY ? -1 : (int64_t)entry, &result);
  return result;
}

static struct vrift_index_value unpack(const struct vrift_fill_record *record) {
  struct vrift_index_value value = {
      .size = record->size,
      .mtime_ns = record->mtime_ns,
      .ctime_ns = record->ctime_ns,
      .ino = record->ino,
      .mode = record->mode,
      .blocks = record->blocks,
      .flags = record->flags,
  };
  memcpy(value.content_hash, record->content_hash, sizeof value.content_hash);
  return value;
}

napi_value vrift_js_index_fill(napi_env env, napi_callback_info info) {
  napi_value arguments[4], result;
  const uint8_t *packed;
  size_t length;
  uint32_t at, end, entry;
  if (!vrift_arguments(env, info, 4, arguments)) return NULL;
  struct vrift_index_handle *handle = vrift_index_handle_argument(env, arguments[0]);
  if (!handle || !vrift_bytes_argument(env, arguments[1], &packed, &length) ||
      !vrift_u32_argument(env, arguments[2], &at) || !vrift_u32_argument(env, arguments[3], &end))
    return NULL;
  if (end > length) return vrift_throw(env, EINVAL, "indexFill", NULL);
  while (at < end) {
    struct vrift_fill_record record;
    if (end - at < sizeof record) return vrift_throw(env, EINVAL, "indexFill", NULL);
    memcpy(&record, packed + at, sizeof record);
    if (record.key_length > end - at - sizeof record) return vrift_throw(env, EINVAL, "indexFill", NULL);
    const uint8_t *key = packed + at + sizeof record;
    struct vrift_index_value value = unpack(&record);
    int error = vrift_writer_insert(&handle->writer, key, record.key_length, &value, &entry);
    if (error == ENOSPC) break;
    if (error) return refuse(env, error, "indexFill", key, record.key_length);
    at += (uint32_t)((sizeof record + record.key_length + 7) & ~(size_t)7);
  }
  napi_create_uint32(env, at < end ? at : end, &result);
  return result;
}
