/* Shared mappings as ArrayBuffers, the marks in them, and the path hash. */
#include "addon.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "vrift_hash.h"

static void unmap(void *data, void *length) { munmap(data, (size_t)(uintptr_t)length); }

napi_value vrift_js_map_shared(napi_env env, napi_callback_info info) {
  napi_value arguments[3];
  int fd;
  int64_t length;
  bool writable;
  struct stat status;
  if (!vrift_arguments(env, info, 3, arguments) || !vrift_int_argument(env, arguments[0], &fd)) return NULL;
  if (napi_get_value_int64(env, arguments[1], &length) != napi_ok || length <= 0 ||
      napi_get_value_bool(env, arguments[2], &writable) != napi_ok)
    return vrift_throw(env, EINVAL, "mmap", NULL);
  if (fstat(fd, &status) != 0) return vrift_throw(env, errno, "fstat", NULL);
  /* Touching pages past the end would be SIGBUS. */
  if (status.st_size < length) return vrift_throw(env, EOVERFLOW, "mmap", NULL);
  void *data = mmap(NULL, (size_t)length, PROT_READ | (writable ? PROT_WRITE : 0), MAP_SHARED, fd, 0);
  if (data == MAP_FAILED) return vrift_throw(env, errno, "mmap", NULL);
  return vrift_external_buffer(env, data, (size_t)length, unmap, (void *)(uintptr_t)length);
}

napi_value vrift_js_path_hash(napi_env env, napi_callback_info info) {
  napi_value argument, result;
  const uint8_t *bytes;
  size_t length;
  if (!vrift_arguments(env, info, 1, &argument) || !vrift_bytes_argument(env, argument, &bytes, &length)) return NULL;
  napi_create_bigint_uint64(env, vrift_path_hash(bytes, length), &result);
  return result;
}

#define MARKS_SIZE (8ull * VRIFT_MARK_COUNT)

napi_value vrift_js_marks_snapshot(napi_env env, napi_callback_info info) {
  napi_value argument, result;
  void *marks, *copy;
  size_t length;
  if (!vrift_arguments(env, info, 1, &argument) || !vrift_buffer_argument(env, argument, MARKS_SIZE, &marks, &length))
    return NULL;
  if (napi_create_arraybuffer(env, MARKS_SIZE, &copy, &result) != napi_ok) return vrift_throw(env, ENOMEM, "marks", NULL);
  /*
   * Word by word: a byte-wise copy could tear one that is being added to. The summary first: what begins after it was read
   * makes it differ from the copy.
   */
  memset(copy, 0, MARKS_SIZE);
  ((uint64_t *)copy)[VRIFT_MARK_SUMMARY] = __atomic_load_n((uint64_t *)marks + VRIFT_MARK_SUMMARY, __ATOMIC_ACQUIRE);
  const uint32_t uninjected = VRIFT_MARK_UNINJECTED;
  ((uint64_t *)copy)[uninjected] = __atomic_load_n((uint64_t *)marks + uninjected, __ATOMIC_ACQUIRE);
  for (uint32_t word = 0; word < VRIFT_MARK_WORDS; word++)
    ((uint64_t *)copy)[word] = __atomic_load_n((uint64_t *)marks + word, __ATOMIC_ACQUIRE);
  return result;
}

napi_value vrift_js_marks_bump(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  void *marks;
  size_t length;
  uint64_t hash;
  if (!vrift_arguments(env, info, 2, arguments) ||
      !vrift_buffer_argument(env, arguments[0], MARKS_SIZE, &marks, &length) ||
      !vrift_u64_argument(env, arguments[1], &hash))
    return NULL;
  vrift_marks_bump(marks, hash);
  return vrift_undefined(env);
}
