/* syncfs on a libuv worker: with much unwritten data it takes seconds, and the event loop has clients waiting. */
#include "addon.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "syscalls.h"

struct sync_job {
  napi_async_work work;
  napi_deferred deferred;
  int fd; /* a duplicate: the caller may close its own meanwhile */
  int error;
};

static void execute(napi_env env, void *data) {
  (void)env;
  struct sync_job *job = data;
  job->error = syncfs(job->fd) == 0 ? 0 : errno;
}

static void free_job(struct sync_job *job) {
  close(job->fd);
  free(job);
}

static void complete(napi_env env, napi_status status, void *data) {
  struct sync_job *job = data;
  if (status != napi_ok && job->error == 0) job->error = ECANCELED;
  if (job->error == 0)
    napi_resolve_deferred(env, job->deferred, vrift_undefined(env));
  else
    napi_reject_deferred(env, job->deferred, vrift_make_error(env, job->error, "syncfs", NULL));
  napi_delete_async_work(env, job->work);
  free_job(job);
}

napi_value vrift_js_syncfs(napi_env env, napi_callback_info info) {
  napi_value argument, name, promise;
  int fd;
  if (!vrift_arguments(env, info, 1, &argument) || !vrift_int_argument(env, argument, &fd)) return NULL;
  int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (own < 0) return vrift_throw(env, errno, "fcntl", NULL);
  struct sync_job *job = calloc(1, sizeof *job);
  if (!job) {
    close(own);
    return vrift_throw(env, ENOMEM, "calloc", NULL);
  }
  job->fd = own;
  napi_create_string_utf8(env, "vrift.syncfs", NAPI_AUTO_LENGTH, &name);
  if (napi_create_async_work(env, NULL, name, execute, complete, job, &job->work) != napi_ok ||
      napi_create_promise(env, &job->deferred, &promise) != napi_ok) {
    free_job(job);
    return vrift_throw(env, ENOMEM, "syncfs", NULL);
  }
  if (napi_queue_async_work(env, job->work) != napi_ok) {
    napi_reject_deferred(env, job->deferred, vrift_make_error(env, ENOMEM, "syncfs", NULL));
    napi_delete_async_work(env, job->work);
    free_job(job);
  }
  return promise;
}
