/*
 * Shared by the files of the addon. Functions of the addon are `napi_value vrift_js_<name>(napi_env, napi_callback_info)`,
 * named and documented in src/platform/native.ts, and listed once, in addon.c.
 */
#ifndef VRIFT_ADDON_H
#define VRIFT_ADDON_H

#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* --- errors.c ------------------------------------------------------------------------------------------------------ */

/* "ENOENT", or "UNKNOWN". */
const char *vrift_errno_name(int error);
/* An Error like those of node:fs: `code`, `errno`, `syscall`, and `path` unless it is null. */
napi_value vrift_make_error(napi_env env, int error, const char *syscall, const char *path);
/* Throws it and returns null, for `return vrift_throw(…)`. */
napi_value vrift_throw(napi_env env, int error, const char *syscall, const char *path);

/* --- arguments.c --------------------------------------------------------------------------------------------------- */
/* Each returns false with an exception pending. */

#define VRIFT_MAX_ARGUMENTS 4
bool vrift_arguments(napi_env env, napi_callback_info info, size_t count, napi_value *out);

/* NUL-terminated copy of a string or Buffer without NUL; free() it. */
char *vrift_path_argument(napi_env env, napi_value value);
/* Bytes of a Buffer or Uint8Array, owned by JavaScript. */
bool vrift_bytes_argument(napi_env env, napi_value value, const uint8_t **bytes, size_t *length);
bool vrift_buffer_argument(napi_env env, napi_value value, size_t least, void **data, size_t *length);
bool vrift_int_argument(napi_env env, napi_value value, int *out);
bool vrift_u32_argument(napi_env env, napi_value value, uint32_t *out);
bool vrift_i64_argument(napi_env env, napi_value value, int64_t *out);
bool vrift_u64_argument(napi_env env, napi_value value, uint64_t *out);
/* The named property of an object. */
bool vrift_property(napi_env env, napi_value object, const char *name, napi_value *out);

napi_value vrift_bool(napi_env env, bool value);
napi_value vrift_undefined(napi_env env);

/* An ArrayBuffer over `data`; `release(data, hint)` runs when it is collected, and at once on failure. */
napi_value vrift_external_buffer(napi_env env, void *data, size_t length, void (*release)(void *, void *), void *hint);

#endif
