/* exportMake, exportRefresh, exportClose: the version-1 export, on libuv workers beside the thread that changes the index. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "export_v1.h"
#include "index_handle.h"

/* Referenced by the external value that is the handle in JavaScript, and by the job at work on it. */
struct export_handle {
  uint64_t kind;
  uint32_t references;
  bool busy;
  struct vrift_index_handle *index; /* what it was made from; a reference of its own */
  struct vrift_export export;
};
#define EXPORT_HANDLE 0x6578706f7274ull

struct job {
  napi_async_work work;
  napi_deferred deferred;
  struct export_handle *handle;
  char *path, *temporary; /* no temporary name: refresh */
  int error;
  bool current;
};

static void drop(struct export_handle *handle) {
  if (--handle->references > 0) return;
  vrift_export_close(&handle->export);
  if (handle->index) vrift_index_handle_drop(handle->index);
  free(handle);
}

static void finalize_handle(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  drop(data);
}

static void execute(napi_env env, void *raw) {
  (void)env;
  struct job *job = raw;
  struct vrift_export *export = &job->handle->export;
  const struct vrift_index_view *view = &job->handle->index->writer.view;
  if (!job->temporary) {
    job->current = vrift_export_refresh(view, job->path, export);
    return;
  }
  job->error = vrift_export_make(view, job->temporary, export);
  if (job->error || rename(job->temporary, job->path) == 0) return;
  job->error = errno;
  unlink(job->temporary);
}

static void free_job(struct job *job) {
  if (job->handle) drop(job->handle);
  free(job->path);
  free(job->temporary);
  free(job);
}

static void complete(napi_env env, napi_status status, void *raw) {
  struct job *job = raw;
  struct export_handle *handle = job->handle;
  napi_value result = NULL;
  handle->busy = false;
  if (status != napi_ok && !job->error) job->error = ECANCELED;
  if (!job->error && !job->temporary) {
    result = vrift_bool(env, job->current);
  } else if (!job->error) {
    handle->references++;
    if (napi_create_external(env, handle, finalize_handle, NULL, &result) != napi_ok) {
      drop(handle);
      job->error = ENOMEM;
    }
  }
  if (job->error)
    napi_reject_deferred(env, job->deferred, vrift_make_error(env, job->error, "export", job->path));
  else
    napi_resolve_deferred(env, job->deferred, result);
  napi_delete_async_work(env, job->work);
  free_job(job);
}

/* Takes over the job, with its reference to the handle. */
static napi_value start(napi_env env, struct job *job) {
  napi_value name, promise;
  job->handle->busy = true;
  napi_create_string_utf8(env, "vrift.export", NAPI_AUTO_LENGTH, &name);
  if (napi_create_async_work(env, NULL, name, execute, complete, job, &job->work) == napi_ok &&
      napi_create_promise(env, &job->deferred, &promise) == napi_ok && napi_queue_async_work(env, job->work) == napi_ok)
    return promise;
  job->handle->busy = false;
  free_job(job);
  return vrift_throw(env, ENOMEM, "export", NULL);
}

napi_value vrift_js_export_make(napi_env env, napi_callback_info info) {
  napi_value arguments[3];
  if (!vrift_arguments(env, info, 3, arguments)) return NULL;
  struct vrift_index_handle *index = vrift_index_handle_argument(env, arguments[0]);
  if (!index) return NULL;
  struct job *job = calloc(1, sizeof *job);
  struct export_handle *handle = calloc(1, sizeof *handle);
  if (!job || !handle) {
    free(job);
    free(handle);
    return vrift_throw(env, ENOMEM, "calloc", NULL);
  }
  index->references++;
  *handle = (struct export_handle){.kind = EXPORT_HANDLE, .references = 1, .index = index, .export = {.fd = -1}};
  job->handle = handle;
  job->path = vrift_path_argument(env, arguments[1]);
  job->temporary = job->path ? vrift_path_argument(env, arguments[2]) : NULL;
  if (job->temporary) return start(env, job);
  free_job(job);
  return NULL;
}

static struct export_handle *handle_argument(napi_env env, napi_value value) {
  void *data = NULL;
  napi_valuetype type;
  if (napi_typeof(env, value, &type) == napi_ok && type == napi_external &&
      napi_get_value_external(env, value, &data) == napi_ok && ((struct export_handle *)data)->kind == EXPORT_HANDLE)
    return data;
  vrift_throw(env, EINVAL, "export", NULL);
  return NULL;
}

napi_value vrift_js_export_refresh(napi_env env, napi_callback_info info) {
  napi_value arguments[3];
  if (!vrift_arguments(env, info, 3, arguments)) return NULL;
  struct export_handle *handle = handle_argument(env, arguments[0]);
  struct vrift_index_handle *index = handle ? vrift_index_handle_argument(env, arguments[1]) : NULL;
  if (!index) return NULL;
  if (handle->busy) return vrift_throw(env, EBUSY, "export", NULL);
  struct job *job = calloc(1, sizeof *job);
  if (!job) return vrift_throw(env, ENOMEM, "calloc", NULL);
  job->handle = handle;
  handle->references++;
  job->path = vrift_path_argument(env, arguments[2]);
  if (!job->path) {
    free_job(job);
    return NULL;
  }
  /* Entries of an index that took its place are counted from anew. */
  if (index == handle->index && handle->export.fd >= 0) return start(env, job);
  napi_value promise;
  napi_create_promise(env, &job->deferred, &promise);
  napi_resolve_deferred(env, job->deferred, vrift_bool(env, false));
  free_job(job);
  return promise;
}

napi_value vrift_js_export_close(napi_env env, napi_callback_info info) {
  napi_value arguments[1];
  if (!vrift_arguments(env, info, 1, arguments)) return NULL;
  struct export_handle *handle = handle_argument(env, arguments[0]);
  if (!handle) return NULL;
  if (handle->busy) return vrift_throw(env, EBUSY, "export", NULL);
  vrift_export_close(&handle->export);
  return vrift_undefined(env);
}
