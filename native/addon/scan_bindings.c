/* scanTree: vrift_scan on a libuv worker, its output handed over as an ArrayBuffer. */
#include "addon.h"

#include <errno.h>
#include <stdlib.h>

#include "scan.h"

struct job {
  napi_async_work work;
  napi_deferred deferred;
  char *root;
  char **skip;
  uint32_t skip_count;
  struct vrift_scan_output output;
  int error;
};

static void free_job(struct job *job) {
  for (uint32_t i = 0; i < job->skip_count; i++) free(job->skip[i]);
  free(job->skip);
  free(job->root);
  free(job->output.data);
  free(job);
}

static void release_output(void *data, void *hint) {
  (void)hint;
  free(data);
}

static void execute(napi_env env, void *data) {
  (void)env;
  struct job *job = data;
  job->error = vrift_scan(job->root, job->skip, job->skip_count, &job->output);
}

static napi_value output_buffer(napi_env env, struct vrift_scan_output *output) {
  napi_value result = NULL;
  if (output->length == 0) {
    napi_create_arraybuffer(env, 0, NULL, &result);
    return result;
  }
  uint8_t *data = realloc(output->data, output->length);
  if (!data) data = output->data;
  output->data = NULL;
  return vrift_external_buffer(env, data, output->length, release_output, NULL);
}

static void complete(napi_env env, napi_status status, void *data) {
  struct job *job = data;
  if (status != napi_ok && job->error == 0) job->error = ECANCELED;
  napi_value result = job->error == 0 ? output_buffer(env, &job->output) : NULL;
  if (result) {
    napi_resolve_deferred(env, job->deferred, result);
  } else {
    napi_value pending;
    bool thrown = false;
    napi_is_exception_pending(env, &thrown);
    if (thrown) napi_get_and_clear_last_exception(env, &pending);
    napi_reject_deferred(env, job->deferred, vrift_make_error(env, job->error ? job->error : ENOMEM, "scandir", job->root));
  }
  napi_delete_async_work(env, job->work);
  free_job(job);
}

static bool read_skip(napi_env env, napi_value list, struct job *job) {
  uint32_t count = 0;
  if (napi_get_array_length(env, list, &count) != napi_ok) {
    vrift_throw(env, EINVAL, "scandir", NULL);
    return false;
  }
  job->skip = calloc(count ? count : 1, sizeof *job->skip);
  for (uint32_t i = 0; job->skip && i < count; i++) {
    napi_value element;
    char *key = napi_get_element(env, list, i, &element) == napi_ok ? vrift_path_argument(env, element) : NULL;
    if (!key) return false;
    job->skip[job->skip_count++] = key;
  }
  if (job->skip) qsort(job->skip, job->skip_count, sizeof *job->skip, vrift_scan_compare);
  return job->skip != NULL;
}

napi_value vrift_js_scan_tree(napi_env env, napi_callback_info info) {
  napi_value arguments[2], name, promise;
  if (!vrift_arguments(env, info, 2, arguments)) return NULL;
  struct job *job = calloc(1, sizeof *job);
  if (!job) return vrift_throw(env, ENOMEM, "calloc", NULL);
  job->root = vrift_path_argument(env, arguments[0]);
  if (!job->root || !read_skip(env, arguments[1], job)) {
    free_job(job);
    return NULL;
  }
  napi_create_string_utf8(env, "vrift.scanTree", NAPI_AUTO_LENGTH, &name);
  if (napi_create_async_work(env, NULL, name, execute, complete, job, &job->work) != napi_ok ||
      napi_create_promise(env, &job->deferred, &promise) != napi_ok) {
    free_job(job);
    return vrift_throw(env, ENOMEM, "scandir", NULL);
  }
  if (napi_queue_async_work(env, job->work) != napi_ok) {
    napi_reject_deferred(env, job->deferred, vrift_make_error(env, ENOMEM, "scandir", job->root));
    napi_delete_async_work(env, job->work);
    free_job(job);
  }
  return promise;
}
