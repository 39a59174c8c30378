/* exportIndex: the version-1 export, built and written on a libuv worker beside the thread that changes the index. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "export_v1.h"
#include "index_handle.h"

struct job {
  napi_async_work work;
  napi_deferred deferred;
  struct vrift_index_handle *handle;
  char *path, *temporary;
  size_t size;
  int error;
};

static int write_all(int fd, const uint8_t *data, size_t size) {
  while (size > 0) {
    ssize_t written = write(fd, data, size);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    data += written;
    size -= (size_t)written;
  }
  return 0;
}

/* The temporary name is in a directory that others may write to (/tmp): never an existing file. */
static int put_in_place(struct job *job, const uint8_t *data) {
  int fd = open(job->temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) return errno;
  int error = fchmod(fd, 0600) == 0 ? write_all(fd, data, job->size) : errno;
  if (close(fd) != 0 && !error) error = errno;
  if (!error && rename(job->temporary, job->path) != 0) error = errno;
  if (error) unlink(job->temporary);
  return error;
}

static void execute(napi_env env, void *raw) {
  (void)env;
  struct job *job = raw;
  uint8_t *data = NULL;
  job->error = vrift_export_build(&job->handle->writer.view, &data, &job->size);
  if (!job->error) job->error = put_in_place(job, data);
  free(data);
}

static void free_job(struct job *job) {
  if (job->handle) vrift_index_handle_drop(job->handle);
  free(job->path);
  free(job->temporary);
  free(job);
}

static void complete(napi_env env, napi_status status, void *raw) {
  struct job *job = raw;
  if (status != napi_ok && !job->error) job->error = ECANCELED;
  if (job->error) {
    napi_reject_deferred(env, job->deferred, vrift_make_error(env, job->error, "export", job->path));
  } else {
    napi_value size;
    napi_create_int64(env, (int64_t)job->size, &size);
    napi_resolve_deferred(env, job->deferred, size);
  }
  napi_delete_async_work(env, job->work);
  free_job(job);
}

napi_value vrift_js_export_index(napi_env env, napi_callback_info info) {
  napi_value arguments[3], name, promise;
  if (!vrift_arguments(env, info, 3, arguments)) return NULL;
  struct vrift_index_handle *handle = vrift_index_handle_argument(env, arguments[0]);
  if (!handle) return NULL;
  struct job *job = calloc(1, sizeof *job);
  if (!job) return vrift_throw(env, ENOMEM, "calloc", NULL);
  job->path = vrift_path_argument(env, arguments[1]);
  job->temporary = job->path ? vrift_path_argument(env, arguments[2]) : NULL;
  if (!job->temporary) {
    free_job(job);
    return NULL;
  }
  job->handle = handle;
  handle->references++;
  napi_create_string_utf8(env, "vrift.exportIndex", NAPI_AUTO_LENGTH, &name);
  if (napi_create_async_work(env, NULL, name, execute, complete, job, &job->work) != napi_ok ||
      napi_create_promise(env, &job->deferred, &promise) != napi_ok || napi_queue_async_work(env, job->work) != napi_ok) {
    free_job(job);
    return vrift_throw(env, ENOMEM, "export", NULL);
  }
  return promise;
}
