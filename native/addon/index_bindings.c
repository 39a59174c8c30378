/* The index writer for JavaScript: handles, creation, the words of the header. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "index_handle.h"

struct vrift_index_handle *vrift_index_handle_argument(napi_env env, napi_value value) {
  void *data = NULL;
  napi_valuetype type = napi_undefined;
  napi_typeof(env, value, &type);
  if (type == napi_external) napi_get_value_external(env, value, &data);
  struct vrift_index_handle *handle = data;
  if (!handle || handle->kind != VRIFT_INDEX_HANDLE) {
    vrift_throw(env, EINVAL, "index handle", NULL);
    return NULL;
  }
  if (handle->closed) {
    vrift_throw(env, EBADF, "index handle", NULL);
    return NULL;
  }
  return handle;
}

void vrift_index_handle_drop(struct vrift_index_handle *handle) {
  if (--handle->references > 0) return;
  vrift_writer_release(&handle->writer);
  vrift_writer_unmap(&handle->writer);
  free(handle);
}

static void stop_heartbeat_at_exit(void *data) {
  struct vrift_index_handle *handle = data;
  if (handle->heartbeat) vrift_heartbeat_stop(handle->heartbeat);
  handle->heartbeat = NULL;
}

static void stop_heartbeat(napi_env env, struct vrift_index_handle *handle) {
  if (!handle->heartbeat) return;
  napi_remove_env_cleanup_hook(env, stop_heartbeat_at_exit, handle);
  stop_heartbeat_at_exit(handle);
}

static void finalize_handle(napi_env env, void *data, void *hint) {
  (void)hint;
  struct vrift_index_handle *handle = data;
  stop_heartbeat(env, handle);
  if (handle->buffer) napi_delete_reference(env, handle->buffer);
  handle->buffer = NULL;
  vrift_index_handle_drop(handle);
}

static napi_value wrap(napi_env env, struct vrift_index_handle *handle) {
  napi_value result;
  handle->kind = VRIFT_INDEX_HANDLE;
  handle->references = 1;
  if (napi_create_external(env, handle, finalize_handle, NULL, &result) == napi_ok) return result;
  vrift_index_handle_drop(handle);
  return vrift_throw(env, ENOMEM, "napi_create_external", NULL);
}

static bool u64_property(napi_env env, napi_value object, const char *name, uint64_t *out) {
  napi_value value;
  return vrift_property(env, object, name, &value) && vrift_u64_argument(env, value, out);
}

static bool u32_property(napi_env env, napi_value object, const char *name, uint32_t *out) {
  napi_value value;
  return vrift_property(env, object, name, &value) && vrift_u32_argument(env, value, out);
}

static bool size_property(napi_env env, napi_value object, const char *name, uint64_t *out) {
  uint32_t number;
  if (!u32_property(env, object, name, &number)) return false;
  *out = number;
  return true;
}

static char *path_property(napi_env env, napi_value object, const char *name) {
  napi_value value;
  return vrift_property(env, object, name, &value) ? vrift_path_argument(env, value) : NULL;
}

static bool read_numbers(napi_env env, napi_value object, struct vrift_index_options *options) {
  return u32_property(env, object, "kind", &options->kind) &&
         u32_property(env, object, "entryCapacity", &options->entry_capacity) &&
         size_property(env, object, "keysSize", &options->keys_size) &&
         u64_property(env, object, "rootDev", &options->root_dev) &&
         u64_property(env, object, "rootIno", &options->root_ino) &&
         u64_property(env, object, "sourceDev", &options->source_dev) && u32_property(env, object, "uid", &options->uid) &&
         u32_property(env, object, "gid", &options->gid);
}

/* What is done with a path and options: a file is made, or taken over. 0 or an errno. */
struct opening {
  bool reopen;
  uint64_t transaction;
};

static int create(napi_env env, const char *path, napi_value object, struct opening *opening,
                  struct vrift_index_handle *handle) {
  struct vrift_index_options options;
  if (!read_numbers(env, object, &options)) return 0;
  char *id = path_property(env, object, "workspaceId");
  char *root = id ? path_property(env, object, "rootPath") : NULL;
  char *source = root ? path_property(env, object, "sourcePath") : NULL;
  int error = 0;
  if (source) {
    options.root_path = root;
    options.source_path = source;
    if (strlen(id) != sizeof options.workspace_id) error = EINVAL;
    if (!error) memcpy(options.workspace_id, id, sizeof options.workspace_id);
    if (!error && opening->reopen)
      error = vrift_writer_reopen(path, &options, opening->transaction, &handle->writer);
    else if (!error)
      error = vrift_writer_create(path, &options, &handle->writer);
  }
  free(id);
  free(root);
  free(source);
  return error;
}

/* The handle as a value, or an exception: the one pending, or `error`. */
static napi_value finish(napi_env env, int error, struct vrift_index_handle *handle, const char *path) {
  bool pending = false;
  napi_is_exception_pending(env, &pending);
  napi_value result = NULL;
  if (error && !pending)
    vrift_throw(env, error, "index", path);
  else if (!pending)
    return wrap(env, handle);
  free(handle);
  return result;
}

napi_value vrift_js_index_create(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  if (!vrift_arguments(env, info, 2, arguments)) return NULL;
  char *path = vrift_path_argument(env, arguments[0]);
  if (!path) return NULL;
  struct vrift_index_handle *handle = calloc(1, sizeof *handle);
  napi_value result;
  struct opening opening = {.reopen = false};
  if (handle)
    result = finish(env, create(env, path, arguments[1], &opening, handle), handle, path);
  else
    result = vrift_throw(env, ENOMEM, "calloc", NULL);
  free(path);
  return result;
}

napi_value vrift_js_index_reopen(napi_env env, napi_callback_info info) {
  napi_value arguments[3], result = NULL;
  struct opening opening = {.reopen = true};
  if (!vrift_arguments(env, info, 3, arguments) || !vrift_u64_argument(env, arguments[2], &opening.transaction))
    return NULL;
  char *path = vrift_path_argument(env, arguments[0]);
  if (!path) return NULL;
  struct vrift_index_handle *handle = calloc(1, sizeof *handle);
  if (handle)
    result = finish(env, create(env, path, arguments[1], &opening, handle), handle, path);
  else
    vrift_throw(env, ENOMEM, "calloc", NULL);
  free(path);
  return result;
}

napi_value vrift_js_index_survey(napi_env env, napi_callback_info info) {
  napi_value arguments[4], buffer, found, naming_value, result;
  uint32_t from, to, count, naming;
  bool all;
  void *numbers;
  if (!vrift_arguments(env, info, 4, arguments)) return NULL;
  if (napi_get_value_bool(env, arguments[3], &all) != napi_ok) return vrift_throw(env, EINVAL, "indexSurvey", NULL);
  struct vrift_index_handle *handle = vrift_index_handle_argument(env, arguments[0]);
  if (!handle || !vrift_u32_argument(env, arguments[1], &from) || !vrift_u32_argument(env, arguments[2], &to)) return NULL;
  if (from > to) return vrift_throw(env, EINVAL, "indexSurvey", NULL);
  if (napi_create_arraybuffer(env, 4ull * (to - from), &numbers, &buffer) != napi_ok) return NULL;
  int error = vrift_writer_survey(&handle->writer, from, to, all, numbers, &count, &naming);
  if (error) return vrift_throw(env, error, "indexSurvey", NULL);
  if (napi_create_typedarray(env, napi_uint32_array, count, buffer, 0, &found) != napi_ok ||
      napi_create_uint32(env, naming, &naming_value) != napi_ok || napi_create_object(env, &result) != napi_ok ||
      napi_set_named_property(env, result, "numbers", found) != napi_ok ||
      napi_set_named_property(env, result, "naming", naming_value) != napi_ok)
    return NULL;
  return result;
}

napi_value vrift_js_index_grow(napi_env env, napi_callback_info info) {
  napi_value arguments[4];
  uint32_t entry_capacity, more_keys;
  if (!vrift_arguments(env, info, 4, arguments)) return NULL;
  struct vrift_index_handle *from = vrift_index_handle_argument(env, arguments[0]);
  if (!from || !vrift_u32_argument(env, arguments[2], &entry_capacity) ||
      !vrift_u32_argument(env, arguments[3], &more_keys))
    return NULL;
  char *path = vrift_path_argument(env, arguments[1]);
  if (!path) return NULL;
  struct vrift_index_handle *handle = calloc(1, sizeof *handle);
  napi_value result;
  if (handle)
    result = finish(env, vrift_writer_grow(&from->writer, path, entry_capacity, more_keys, &handle->writer), handle, path);
  else
    result = vrift_throw(env, ENOMEM, "calloc", NULL);
  free(path);
  return result;
}

static void release_buffer(void *data, void *hint) {
  (void)data;
  vrift_index_handle_drop(hint);
}

napi_value vrift_js_index_buffer(napi_env env, napi_callback_info info) {
  napi_value argument, result = NULL;
  if (!vrift_arguments(env, info, 1, &argument)) return NULL;
  struct vrift_index_handle *handle = vrift_index_handle_argument(env, argument);
  if (!handle) return NULL;
  /* V8 wants one buffer per piece of memory. */
  if (handle->buffer && napi_get_reference_value(env, handle->buffer, &result) == napi_ok && result) return result;
  if (handle->buffer) napi_delete_reference(env, handle->buffer);
  handle->buffer = NULL;
  handle->references++;
  result = vrift_external_buffer(env, handle->writer.header, handle->writer.size, release_buffer, handle);
  if (result) napi_create_reference(env, result, 0, &handle->buffer);
  return result;
}

napi_value vrift_js_index_close(napi_env env, napi_callback_info info) {
  napi_value argument, buffer = NULL;
  void *data = NULL;
  if (!vrift_arguments(env, info, 1, &argument)) return NULL;
  napi_valuetype type = napi_undefined;
  napi_typeof(env, argument, &type);
  if (type == napi_external) napi_get_value_external(env, argument, &data);
  struct vrift_index_handle *handle = data;
  if (!handle || handle->kind != VRIFT_INDEX_HANDLE) return vrift_throw(env, EINVAL, "index handle", NULL);
  if (handle->closed) return vrift_undefined(env);
  handle->closed = true;
  stop_heartbeat(env, handle);
  vrift_writer_release(&handle->writer);
  if (handle->buffer && napi_get_reference_value(env, handle->buffer, &buffer) == napi_ok && buffer)
    napi_detach_arraybuffer(env, buffer);
  /* Whoever else refers to the mapping (the buffer's finalizer, a watcher) unmaps it; else this does. */
  if (handle->references == 1) vrift_writer_unmap(&handle->writer);
  return vrift_undefined(env);
}

/* Shared beginning of the functions that take a handle and one more argument or none. */
static struct vrift_index_handle *begin(napi_env env, napi_callback_info info, size_t count, napi_value *arguments) {
  return vrift_arguments(env, info, count, arguments) ? vrift_index_handle_argument(env, arguments[0]) : NULL;
}

napi_value vrift_js_index_publish_seen(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  void *snapshot;
  size_t length;
  struct vrift_index_handle *handle = begin(env, info, 2, arguments);
  if (!handle || !vrift_buffer_argument(env, arguments[1], 8ull * VRIFT_MARK_COUNT, &snapshot, &length)) return NULL;
  vrift_writer_publish_seen(&handle->writer, snapshot);
  return vrift_undefined(env);
}

napi_value vrift_js_index_beat(napi_env env, napi_callback_info info) {
  napi_value argument;
  struct vrift_index_handle *handle = begin(env, info, 1, &argument);
  if (!handle) return NULL;
  vrift_writer_beat(&handle->writer);
  if (handle->heartbeat) return vrift_undefined(env);
  handle->heartbeat = vrift_heartbeat_start(env, handle->writer.header);
  if (!handle->heartbeat) return NULL;
  /* Before the event loop is taken down, which the thread asks. */
  napi_add_env_cleanup_hook(env, stop_heartbeat_at_exit, handle);
  return vrift_undefined(env);
}

napi_value vrift_js_index_set_transaction(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  uint64_t sequence;
  struct vrift_index_handle *handle = begin(env, info, 2, arguments);
  if (!handle || !vrift_u64_argument(env, arguments[1], &sequence)) return NULL;
  __atomic_store_n(&handle->writer.header->transaction, sequence, __ATOMIC_RELEASE);
  return vrift_undefined(env);
}

napi_value vrift_js_index_set_held(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  uint64_t hashes;
  struct vrift_index_handle *handle = begin(env, info, 2, arguments);
  if (!handle || !vrift_u64_argument(env, arguments[1], &hashes)) return NULL;
  __atomic_store_n(&handle->writer.header->held_hashes, hashes, __ATOMIC_RELEASE);
  return vrift_undefined(env);
}

napi_value vrift_js_index_distrust(napi_env env, napi_callback_info info) {
  napi_value argument, result;
  struct vrift_index_handle *handle = begin(env, info, 1, &argument);
  if (!handle) return NULL;
  napi_create_uint32(env, __atomic_load_n(&handle->writer.header->distrust, __ATOMIC_ACQUIRE), &result);
  return result;
}

napi_value vrift_js_index_set_distrust(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  uint32_t value;
  struct vrift_index_handle *handle = begin(env, info, 2, arguments);
  if (!handle || !vrift_u32_argument(env, arguments[1], &value)) return NULL;
  uint32_t *word = &handle->writer.header->distrust, old = __atomic_load_n(word, __ATOMIC_ACQUIRE), next;
  do next = (old & VRIFT_DISTRUST_LOST) | (value & ~VRIFT_DISTRUST_LOST);
  while (!__atomic_compare_exchange_n(word, &old, next, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
  return vrift_undefined(env);
}

napi_value vrift_js_index_clear_lost(napi_env env, napi_callback_info info) {
  napi_value argument;
  struct vrift_index_handle *handle = begin(env, info, 1, &argument);
  if (!handle) return NULL;
  uint32_t old = __atomic_fetch_and(&handle->writer.header->distrust, ~VRIFT_DISTRUST_LOST, __ATOMIC_ACQ_REL);
  return vrift_bool(env, (old & VRIFT_DISTRUST_LOST) != 0);
}

napi_value vrift_js_index_supersede(napi_env env, napi_callback_info info) {
  napi_value argument;
  struct vrift_index_handle *handle = begin(env, info, 1, &argument);
  if (!handle) return NULL;
  __atomic_store_n(&handle->writer.header->superseded, 1, __ATOMIC_RELEASE);
  return vrift_undefined(env);
}
