#ifndef VRIFT_INDEX_HANDLE_H
#define VRIFT_INDEX_HANDLE_H

#include "addon.h"
#include "heartbeat.h"
#include "index_writer.h"

/*
 * One mapped index file. Referenced by the external value that is the handle in JavaScript, by the ArrayBuffer over the
 * mapping, and by a watcher; unmapped with the last of them. References are counted on the JavaScript thread only.
 */
struct vrift_index_handle {
  uint64_t kind; /* VRIFT_INDEX_HANDLE: an external value of another kind is refused */
  uint32_t references;
  bool closed;
  napi_ref buffer; /* weak, or null */
  struct vrift_heartbeat *heartbeat; /* null until indexBeat */
  struct vrift_index_writer writer;
};
#define VRIFT_INDEX_HANDLE 0x696e646578ull

/* The open handle an argument holds, or null with EBADF or EINVAL pending. */
struct vrift_index_handle *vrift_index_handle_argument(napi_env env, napi_value value);
void vrift_index_handle_drop(struct vrift_index_handle *handle);

#endif
