#ifndef VRIFT_HEARTBEAT_H
#define VRIFT_HEARTBEAT_H

#include "addon.h"
#include "vrift_layout.h"

/*
 * The sign of life of one index: a thread that stores the time in `heartbeat_ns` every 250 ms, and asks the event loop each
 * time. A loop that has not answered for LOOP_STALL stops the beats as the end of the process would.
 */
struct vrift_heartbeat;

/* Null with an exception pending when it cannot start. `header` is valid until vrift_heartbeat_stop has returned. */
struct vrift_heartbeat *vrift_heartbeat_start(napi_env env, struct vrift_index_header *header);
/* On the thread of the event loop. */
void vrift_heartbeat_stop(struct vrift_heartbeat *heartbeat);

#endif
