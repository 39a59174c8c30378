/* Generated from src/protocol/schema.ts by `npm run generate`; do not edit. */
#ifndef VRIFT_WIRE_H
#define VRIFT_WIRE_H

#define VRIFT_PROTOCOL_VERSION "0.1.0"
#define VRIFT_FRAME_MAX 16777216u /* bytes of one payload */
#define VRIFT_FLAG_DIR 1u
#define VRIFT_FLAG_SYMLINK 2u

/*
 * X(tag, name, shape). A shape is the fields in wire order, `name:type` with commas between. Types: b bool, h u16, u u32,
 * i i32, q u64, s String, x Vec<u8>, H [u8; 32], ?T Option, [T] Vec, (TT) pair, {fields} struct. `=T`: one field without a
 * name.
 */
enum vrift_request {
  VRIFT_REQUEST_HANDSHAKE = 0,
  VRIFT_REQUEST_STATUS = 1,
  VRIFT_REQUEST_REGISTER_WORKSPACE = 2,
  VRIFT_REQUEST_MANIFEST_GET = 3,
  VRIFT_REQUEST_MANIFEST_UPSERT = 4,
  VRIFT_REQUEST_MANIFEST_REMOVE = 5,
  VRIFT_REQUEST_MANIFEST_RENAME = 6,
  VRIFT_REQUEST_MANIFEST_UPDATE_MTIME = 7,
  VRIFT_REQUEST_MANIFEST_REINGEST = 8,
  VRIFT_REQUEST_MANIFEST_LIST_DIR = 9,
  VRIFT_REQUEST_CAS_INSERT = 10,
  VRIFT_REQUEST_CAS_GET = 11,
  VRIFT_REQUEST_CAS_SWEEP = 12,
  VRIFT_REQUEST_FLOCK_ACQUIRE = 13,
  VRIFT_REQUEST_FLOCK_RELEASE = 14,
  VRIFT_REQUEST_SPAWN = 15,
  VRIFT_REQUEST_PROTECT = 16,
};
#define VRIFT_REQUESTS(X) \
  X(VRIFT_REQUEST_HANDSHAKE, "Handshake", "client_version:s") \
  X(VRIFT_REQUEST_STATUS, "Status", "") \
  X(VRIFT_REQUEST_REGISTER_WORKSPACE, "RegisterWorkspace", "project_root:s") \
  X(VRIFT_REQUEST_MANIFEST_GET, "ManifestGet", "path:s") \
  X(VRIFT_REQUEST_MANIFEST_UPSERT, "ManifestUpsert", "path:s,entry:{content_hash:H,size:q,mtime:q,mode:u,flags:h}") \
  X(VRIFT_REQUEST_MANIFEST_REMOVE, "ManifestRemove", "path:s") \
  X(VRIFT_REQUEST_MANIFEST_RENAME, "ManifestRename", "old_path:s,new_path:s") \
  X(VRIFT_REQUEST_MANIFEST_UPDATE_MTIME, "ManifestUpdateMtime", "path:s,mtime_ns:q") \
  X(VRIFT_REQUEST_MANIFEST_REINGEST, "ManifestReingest", "vpath:s,temp_path:s") \
  X(VRIFT_REQUEST_MANIFEST_LIST_DIR, "ManifestListDir", "path:s") \
  X(VRIFT_REQUEST_CAS_INSERT, "CasInsert", "hash:H,size:q") \
  X(VRIFT_REQUEST_CAS_GET, "CasGet", "hash:H") \
  X(VRIFT_REQUEST_CAS_SWEEP, "CasSweep", "bloom_filter:x") \
  X(VRIFT_REQUEST_FLOCK_ACQUIRE, "FlockAcquire", "path:s,operation:i") \
  X(VRIFT_REQUEST_FLOCK_RELEASE, "FlockRelease", "path:s") \
  X(VRIFT_REQUEST_SPAWN, "Spawn", "command:[s],env:[(ss)],cwd:s") \
  X(VRIFT_REQUEST_PROTECT, "Protect", "path:s,immutable:b,owner:?s")

enum vrift_response {
  VRIFT_RESPONSE_HANDSHAKE_ACK = 0,
  VRIFT_RESPONSE_STATUS_ACK = 1,
  VRIFT_RESPONSE_REGISTER_ACK = 2,
  VRIFT_RESPONSE_CAS_ACK = 3,
  VRIFT_RESPONSE_PROTECT_ACK = 4,
  VRIFT_RESPONSE_FLOCK_ACK = 5,
  VRIFT_RESPONSE_MANIFEST_ACK = 6,
  VRIFT_RESPONSE_MANIFEST_LIST_ACK = 7,
  VRIFT_RESPONSE_CAS_FOUND = 8,
  VRIFT_RESPONSE_CAS_NOT_FOUND = 9,
  VRIFT_RESPONSE_CAS_SWEEP_ACK = 10,
  VRIFT_RESPONSE_SPAWN_ACK = 11,
  VRIFT_RESPONSE_ERROR = 12,
};
#define VRIFT_RESPONSES(X) \
  X(VRIFT_RESPONSE_HANDSHAKE_ACK, "HandshakeAck", "server_version:s") \
  X(VRIFT_RESPONSE_STATUS_ACK, "StatusAck", "status:s") \
  X(VRIFT_RESPONSE_REGISTER_ACK, "RegisterAck", "workspace_id:s") \
  X(VRIFT_RESPONSE_CAS_ACK, "CasAck", "") \
  X(VRIFT_RESPONSE_PROTECT_ACK, "ProtectAck", "") \
  X(VRIFT_RESPONSE_FLOCK_ACK, "FlockAck", "") \
  X(VRIFT_RESPONSE_MANIFEST_ACK, "ManifestAck", "entry:?{content_hash:H,size:q,mtime:q,mode:u,flags:h}") \
  X(VRIFT_RESPONSE_MANIFEST_LIST_ACK, "ManifestListAck", "entries:[{name:s,is_dir:b}]") \
  X(VRIFT_RESPONSE_CAS_FOUND, "CasFound", "size:q") \
  X(VRIFT_RESPONSE_CAS_NOT_FOUND, "CasNotFound", "") \
  X(VRIFT_RESPONSE_CAS_SWEEP_ACK, "CasSweepAck", "deleted_count:u,reclaimed_bytes:q") \
  X(VRIFT_RESPONSE_SPAWN_ACK, "SpawnAck", "pid:u") \
  X(VRIFT_RESPONSE_ERROR, "Error", "=s")

#endif
