/* An index file of any process of the user, mapped read-only beside its marks. */
#ifndef VRIFT_ADDON_SHARED_INDEX_H
#define VRIFT_ADDON_SHARED_INDEX_H

#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "index_reader.h"

struct shared_index {
  uint64_t kind; /* tells our handles from others */
  void *map;     /* null: closed */
  size_t size;
  uint64_t *marks;
  struct vrift_index_view view;
};

/* What a reading has come to besides an answer. */
enum { CANNOT_SAY = 0, OPEN_AGAIN = -1 };

/* NULL, thrown, for what is no handle. */
struct shared_index *vrift_shared_argument(napi_env env, napi_value value);

/* Bytes of a Uint8Array; one call into Node where the addon's other functions make two with better errors. */
bool vrift_shared_bytes(napi_env env, napi_value value, uint8_t **bytes, size_t *length);

/*
 * `read(shared, context)` while the file has a writer that lives and moves, else OPEN_AGAIN or CANNOT_SAY. A file that is cut short
 * under the mapping ends `read` wherever it is, with OPEN_AGAIN: it must hold nothing but what `context` can release.
 */
int vrift_shared_read(struct shared_index *shared, int (*read)(const struct shared_index *shared, void *context),
                      void *context);

#endif
