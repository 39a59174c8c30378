/* Reading arguments and making results. A wrong type is a bug of the caller: EINVAL naming what was expected. */
#include "addon.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool refuse(napi_env env, const char *expected) {
  bool pending = false;
  napi_is_exception_pending(env, &pending);
  if (!pending) {
    char text[128];
    snprintf(text, sizeof text, "EINVAL: %s expected", expected);
    napi_throw_type_error(env, "EINVAL", text);
  }
  return false;
}

bool vrift_arguments(napi_env env, napi_callback_info info, size_t count, napi_value *out) {
  size_t given = count;
  if (napi_get_cb_info(env, info, &given, out, NULL, NULL) != napi_ok || given < count) return refuse(env, "more arguments");
  return true;
}

char *vrift_path_argument(napi_env env, napi_value value) {
  char *copy = NULL;
  size_t length = 0;
  napi_valuetype type;
  napi_typeof(env, value, &type);
  if (type == napi_string) {
    if (napi_get_value_string_utf8(env, value, NULL, 0, &length) != napi_ok) return NULL;
    copy = malloc(length + 1);
    if (copy) napi_get_value_string_utf8(env, value, copy, length + 1, &length);
  } else {
    const uint8_t *bytes;
    if (!vrift_bytes_argument(env, value, &bytes, &length)) return NULL;
    copy = malloc(length + 1);
    if (copy && length) memcpy(copy, bytes, length);
    if (copy) copy[length] = 0;
  }
  if (!copy) {
    vrift_throw(env, ENOMEM, "malloc", NULL);
    return NULL;
  }
  if (memchr(copy, 0, length)) {
    free(copy);
    refuse(env, "path without NUL");
    return NULL;
  }
  return copy;
}

bool vrift_bytes_argument(napi_env env, napi_value value, const uint8_t **bytes, size_t *length) {
  bool is_typed = false;
  void *data = NULL;
  napi_typedarray_type type;
  if (napi_is_typedarray(env, value, &is_typed) != napi_ok || !is_typed) return refuse(env, "Buffer");
  if (napi_get_typedarray_info(env, value, &type, length, &data, NULL, NULL) != napi_ok) return refuse(env, "Buffer");
  if (type != napi_uint8_array && type != napi_uint8_clamped_array) return refuse(env, "Buffer");
  *bytes = data;
  return true;
}

bool vrift_buffer_argument(napi_env env, napi_value value, size_t least, void **data, size_t *length) {
  bool is_buffer = false;
  if (napi_is_arraybuffer(env, value, &is_buffer) != napi_ok || !is_buffer) return refuse(env, "ArrayBuffer");
  if (napi_get_arraybuffer_info(env, value, data, length) != napi_ok) return refuse(env, "ArrayBuffer");
  if (*length < least) return refuse(env, "larger ArrayBuffer");
  return true;
}

bool vrift_int_argument(napi_env env, napi_value value, int *out) {
  int32_t number;
  if (napi_get_value_int32(env, value, &number) != napi_ok) return refuse(env, "number");
  *out = number;
  return true;
}

bool vrift_u32_argument(napi_env env, napi_value value, uint32_t *out) {
  double number;
  if (napi_get_value_double(env, value, &number) != napi_ok) return refuse(env, "number");
  if (!(number >= 0 && number <= UINT32_MAX)) return refuse(env, "unsigned 32-bit number");
  *out = (uint32_t)number;
  return true;
}

bool vrift_i64_argument(napi_env env, napi_value value, int64_t *out) {
  bool lossless = false;
  if (napi_get_value_bigint_int64(env, value, out, &lossless) != napi_ok || !lossless) return refuse(env, "64-bit bigint");
  return true;
}

bool vrift_u64_argument(napi_env env, napi_value value, uint64_t *out) {
  bool lossless = false;
  if (napi_get_value_bigint_uint64(env, value, out, &lossless) != napi_ok || !lossless)
    return refuse(env, "unsigned 64-bit bigint");
  return true;
}

bool vrift_property(napi_env env, napi_value object, const char *name, napi_value *out) {
  if (napi_get_named_property(env, object, name, out) != napi_ok) return refuse(env, "object");
  return true;
}

napi_value vrift_bool(napi_env env, bool value) {
  napi_value result;
  napi_get_boolean(env, value, &result);
  return result;
}

napi_value vrift_undefined(napi_env env) {
  napi_value result;
  napi_get_undefined(env, &result);
  return result;
}

struct release_call {
  void (*release)(void *, void *);
  void *hint;
};

static void finalize_buffer(napi_env env, void *data, void *hint) {
  (void)env;
  struct release_call *call = hint;
  call->release(data, call->hint);
  free(call);
}

napi_value vrift_external_buffer(napi_env env, void *data, size_t length, void (*release)(void *, void *), void *hint) {
  napi_value result = NULL;
  struct release_call *call = malloc(sizeof *call);
  if (call) {
    *call = (struct release_call){release, hint};
    if (napi_create_external_arraybuffer(env, data, length, finalize_buffer, call, &result) == napi_ok) return result;
  }
  free(call);
  release(data, hint);
  return vrift_throw(env, ENOMEM, "napi_create_external_arraybuffer", NULL);
}
