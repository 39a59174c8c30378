/* The index writer for JavaScript: a name, and all below it, under another key. */
#include <stdlib.h>

#include "index_handle.h"

napi_value vrift_js_index_move_room(napi_env env, napi_callback_info info) {
  napi_value arguments[3], result, value;
  struct vrift_move_room room;
  uint32_t entry, length;
  if (!vrift_arguments(env, info, 3, arguments)) return NULL;
  struct vrift_index_handle *handle = vrift_index_handle_argument(env, arguments[0]);
  if (!handle || !vrift_u32_argument(env, arguments[1], &entry) || !vrift_u32_argument(env, arguments[2], &length))
    return NULL;
  int error = vrift_writer_move_room(&handle->writer, entry, length, &room);
  if (error) return vrift_throw(env, error, "indexMoveRoom", NULL);
  napi_create_object(env, &result);
  napi_create_uint32(env, room.entries, &value);
  napi_set_named_property(env, result, "entries", value);
  napi_create_int64(env, (int64_t)room.key_bytes, &value);
  napi_set_named_property(env, result, "keyBytes", value);
  napi_set_named_property(env, result, "fits", vrift_bool(env, room.fits));
  return result;
}

napi_value vrift_js_index_move(napi_env env, napi_callback_info info) {
  napi_value arguments[5];
  const uint8_t *key;
  size_t length;
  uint32_t entry;
  if (!vrift_arguments(env, info, 5, arguments)) return NULL;
  struct vrift_index_handle *handle = vrift_index_handle_argument(env, arguments[0]);
  if (!handle || !vrift_u32_argument(env, arguments[1], &entry) ||
      !vrift_bytes_argument(env, arguments[2], &key, &length))
    return NULL;
  char *from = vrift_path_argument(env, arguments[3]);
  char *to = from ? vrift_path_argument(env, arguments[4]) : NULL;
  napi_value result = NULL;
  if (to) {
    int error = vrift_writer_move(&handle->writer, entry, key, length, from, to);
    result = error ? vrift_throw(env, error, "rename", from) : vrift_undefined(env);
  }
  free(from);
  free(to);
  return result;
}
