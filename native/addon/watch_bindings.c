/* The watcher for JavaScript: one handle, one thread, drains as promises. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#include "index_handle.h"
#include "watch.h"

#define WATCH_HANDLE 0x7761746368ull
#define MARKS_SIZE (8ull * VRIFT_MARK_COUNT)
#define DRAIN_TIMEOUT_NS 1000000000ull

struct drain {
  struct drain *next;
  uint64_t number, deadline;
  napi_deferred deferred;
};

/* Referenced by the external value in JavaScript and by the thread-safe function; both are finalized in any order. */
struct handle {
  uint64_t kind;
  uint32_t references;
  struct vrift_watch *watch; /* null once stopped */
  struct vrift_index_handle *index;
  uint64_t *marks;
  napi_threadsafe_function function;
  struct drain *drains; /* oldest first */
  bool queued, changed; /* atomics: a call is on its way; it should call onChange */
};

static uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* On the watcher's thread. At most one call waits in the event loop. */
static void wake(void *context, bool changed) {
  struct handle *handle = context;
  if (changed) __atomic_store_n(&handle->changed, true, __ATOMIC_RELEASE);
  if (!__atomic_exchange_n(&handle->queued, true, __ATOMIC_ACQ_REL))
    napi_call_threadsafe_function(handle->function, NULL, napi_tsfn_nonblocking);
}

static void settle(napi_env env, struct handle *handle, struct drain *drain, int error) {
  handle->drains = drain->next;
  if (error)
    napi_reject_deferred(env, drain->deferred, vrift_make_error(env, error, "inotify", NULL));
  else
    napi_resolve_deferred(env, drain->deferred, vrift_undefined(env));
  free(drain);
  if (handle->drains || !handle->watch) return; /* more to come, or stopped */
  vrift_watch_set_draining(handle->watch, false);
  napi_unref_threadsafe_function(env, handle->function);
}

static void settle_drains(napi_env env, struct handle *handle) {
  while (handle->drains) {
    bool reached = handle->drains->number <= vrift_watch_reached(handle->watch);
    if (!reached && now_ns() < handle->drains->deadline) return;
    settle(env, handle, handle->drains, reached ? 0 : ETIMEDOUT);
  }
}

static void call_js(napi_env env, napi_value on_change, void *context, void *data) {
  (void)data;
  struct handle *handle = context;
  if (!env || !on_change) return;
  __atomic_store_n(&handle->queued, false, __ATOMIC_RELEASE);
  if (!handle->watch) return;
  settle_drains(env, handle);
  napi_value undefined = vrift_undefined(env);
  if (__atomic_exchange_n(&handle->changed, false, __ATOMIC_ACQ_REL))
    napi_call_function(env, undefined, on_change, 0, NULL, NULL);
}

static void drop(struct handle *handle) {
  if (--handle->references == 0) free(handle);
}

static void stop_thread(struct handle *handle) {
  vrift_watch_stop(handle->watch);
  handle->watch = NULL;
  napi_release_threadsafe_function(handle->function, napi_tsfn_abort);
  munmap(handle->marks, MARKS_SIZE);
  vrift_index_handle_drop(handle->index);
}

/* The environment ends (a worker, or the process): the thread must not outlive what it calls. Promises end unsettled. */
static void clean_up(void *data) {
  struct handle *handle = data;
  stop_thread(handle);
  for (struct drain *drain = handle->drains, *next; drain; drain = next) {
    next = drain->next;
    free(drain);
  }
  handle->drains = NULL;
}

static void stop(napi_env env, struct handle *handle) {
  if (!handle->watch) return;
  napi_remove_env_cleanup_hook(env, clean_up, handle);
  stop_thread(handle);
  while (handle->drains) settle(env, handle, handle->drains, ECANCELED);
}

static void finalize_handle(napi_env env, void *data, void *hint) {
  (void)hint;
  stop(env, data);
  drop(data);
}

static void finalize_function(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  drop(data);
}

static struct handle *handle_argument(napi_env env, napi_value value, bool may_be_stopped) {
  void *data = NULL;
  napi_valuetype type = napi_undefined;
  napi_typeof(env, value, &type);
  if (type == napi_external) napi_get_value_external(env, value, &data);
  struct handle *handle = data;
  if (!handle || handle->kind != WATCH_HANDLE) {
    vrift_throw(env, EINVAL, "watch handle", NULL);
    return NULL;
  }
  if (!handle->watch && !may_be_stopped) {
    vrift_throw(env, EBADF, "watch handle", NULL);
    return NULL;
  }
  return handle;
}

static int map_marks(int fd, uint64_t **marks) {
  struct stat status;
  if (fstat(fd, &status) != 0) return errno;
  if ((uint64_t)status.st_size < MARKS_SIZE) return EOVERFLOW;
  void *map = mmap(NULL, MARKS_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (map == MAP_FAILED) return errno;
  *marks = map;
  return 0;
}

static char *path_property(napi_env env, napi_value object, const char *name) {
  napi_value value;
  return vrift_property(env, object, name, &value) ? vrift_path_argument(env, value) : NULL;
}

static int create_function(napi_env env, napi_value on_change, struct handle *handle) {
  napi_value name;
  napi_create_string_utf8(env, "vrift.watch", NAPI_AUTO_LENGTH, &name);
  if (napi_create_threadsafe_function(env, on_change, NULL, name, 0, 1, handle, finalize_function, handle, call_js,
                                      &handle->function) != napi_ok)
    return ENOMEM;
  handle->references++;
  napi_unref_threadsafe_function(env, handle->function);
  return 0;
}

/* From here on everything given is the handle's; on an error it is given back. */
static int start(napi_env env, struct handle *handle, const char *root, const char *cookies, int marks_fd,
                 bool mounts, napi_value on_change) {
  int error = map_marks(marks_fd, &handle->marks);
  if (error) return error;
  error = create_function(env, on_change, handle);
  if (!error) {
    struct vrift_watch_options options = {.root = root,
                                          .cookies = cookies,
                                          .mounts = mounts,
                                          .marks = handle->marks,
                                          .index = &handle->index->writer.view,
                                          .wake = wake,
                                          .context = handle};
    error = vrift_watch_start(&options, &handle->watch);
    if (error) napi_release_threadsafe_function(handle->function, napi_tsfn_abort);
  }
  if (error) {
    munmap(handle->marks, MARKS_SIZE);
    return error;
  }
  handle->index->references++;
  napi_add_env_cleanup_hook(env, clean_up, handle);
  return 0;
}

static napi_value start_with(napi_env env, napi_value options, struct vrift_index_handle *index, const char *root,
                             const char *cookies) {
  napi_value on_change, fd_value, mounts_value, result;
  napi_valuetype type = napi_undefined;
  bool mounts = false;
  int fd;
  if (!vrift_property(env, options, "mounts", &mounts_value) || !vrift_property(env, options, "marksFd", &fd_value) || !vrift_int_argument(env, fd_value, &fd) ||
      !vrift_property(env, options, "onChange", &on_change))
    return NULL;
  napi_get_value_bool(env, mounts_value, &mounts);
  napi_typeof(env, on_change, &type);
  if (type != napi_function) return vrift_throw(env, EINVAL, "onChange", NULL);
  struct handle *handle = calloc(1, sizeof *handle);
  if (!handle) return vrift_throw(env, ENOMEM, "calloc", NULL);
  handle->kind = WATCH_HANDLE;
  handle->references = 1;
  handle->index = index;
  int error = start(env, handle, root, cookies, fd, mounts, on_change);
  if (!error && napi_create_external(env, handle, finalize_handle, NULL, &result) == napi_ok) return result;
  if (!error) stop(env, handle);
  drop(handle);
  return vrift_throw(env, error ? error : ENOMEM, "inotify", root);
}

napi_value vrift_js_watch_start(napi_env env, napi_callback_info info) {
  napi_value options, index_value, result = NULL;
  if (!vrift_arguments(env, info, 1, &options) || !vrift_property(env, options, "index", &index_value)) return NULL;
  struct vrift_index_handle *index = vrift_index_handle_argument(env, index_value);
  if (!index) return NULL;
  char *root = path_property(env, options, "root");
  char *cookies = root ? path_property(env, options, "cookies") : NULL;
  if (cookies) result = start_with(env, options, index, root, cookies);
  free(root);
  free(cookies);
  return result;
}

napi_value vrift_js_watch_add(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  const uint8_t *key;
  size_t length;
  if (!vrift_arguments(env, info, 2, arguments)) return NULL;
  struct handle *handle = handle_argument(env, arguments[0], false);
  if (!handle || !vrift_bytes_argument(env, arguments[1], &key, &length)) return NULL;
  int error = length > UINT16_MAX ? ENAMETOOLONG : vrift_watch_add(handle->watch, key, (uint32_t)length);
  if (error == ENOSPC || error == ENOMEM) return vrift_bool(env, false);
  return error ? vrift_throw(env, error, "inotify_add_watch", NULL) : vrift_bool(env, true);
}

napi_value vrift_js_watch_set_index(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  if (!vrift_arguments(env, info, 2, arguments)) return NULL;
  struct handle *handle = handle_argument(env, arguments[0], false);
  struct vrift_index_handle *index = handle ? vrift_index_handle_argument(env, arguments[1]) : NULL;
  if (!index) return NULL;
  struct vrift_index_handle *previous = handle->index;
  index->references++;
  vrift_watch_set_index(handle->watch, &index->writer.view);
  handle->index = index;
  vrift_index_handle_drop(previous);
  return vrift_undefined(env);
}

napi_value vrift_js_watch_drain(napi_env env, napi_callback_info info) {
  napi_value argument, promise;
  if (!vrift_arguments(env, info, 1, &argument)) return NULL;
  struct handle *handle = handle_argument(env, argument, false);
  if (!handle) return NULL;
  struct drain *drain = calloc(1, sizeof *drain);
  if (!drain) return vrift_throw(env, ENOMEM, "calloc", NULL);
  int error = vrift_watch_cookie(handle->watch, &drain->number);
  if (error || napi_create_promise(env, &drain->deferred, &promise) != napi_ok) {
    free(drain);
    return vrift_throw(env, error ? error : ENOMEM, "cookie", NULL);
  }
  drain->deadline = now_ns() + DRAIN_TIMEOUT_NS;
  if (!handle->drains) {
    napi_ref_threadsafe_function(env, handle->function);
    vrift_watch_set_draining(handle->watch, true);
  }
  struct drain **last = &handle->drains;
  while (*last) last = &(*last)->next;
  *last = drain;
  return promise;
}

napi_value vrift_js_watch_stop(napi_env env, napi_callback_info info) {
  napi_value argument;
  if (!vrift_arguments(env, info, 1, &argument)) return NULL;
  struct handle *handle = handle_argument(env, argument, true);
  if (!handle) return NULL;
  stop(env, handle);
  return vrift_undefined(env);
}
