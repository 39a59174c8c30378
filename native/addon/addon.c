/* The list of the addon's functions: everything src/platform/native.ts declares. */
#include "addon.h"

#define FUNCTIONS(X)                                                                                                     \
  X(peerCredentials, vrift_js_peer_credentials)                                                                          \
  X(listeningPath, vrift_js_listening_path)                                                                              \
  X(notifySocket, vrift_js_notify_socket)                                                                                \
  X(flock, vrift_js_flock)                                                                                               \
  X(tryLockByte, vrift_js_try_lock_byte)                                                                                 \
  X(linkFd, vrift_js_link_fd)                                                                                            \
  X(putFile, vrift_js_put_file)                                                                                          \
  X(renameNoReplace, vrift_js_rename_no_replace)                                                                         \
  X(syncfs, vrift_js_syncfs)                                                                                             \
  X(reflink, vrift_js_reflink)                                                                                           \
  X(hasWriter, vrift_js_has_writer)                                                                                      \
  X(hasOther, vrift_js_has_other)                                                                                        \
  X(hasXattr, vrift_js_has_xattr)                                                                                        \
  X(setTimes, vrift_js_set_times)                                                                                        \
  X(openBeneath, vrift_js_open_beneath)                                                                                  \
  X(setImmutable, vrift_js_set_immutable)                                                                                \
  X(setProcessName, vrift_js_set_process_name)                                                                           \
  X(mapShared, vrift_js_map_shared)                                                                                      \
  X(pathHash, vrift_js_path_hash)                                                                                        \
  X(marksSnapshot, vrift_js_marks_snapshot)                                                                              \
  X(marksBump, vrift_js_marks_bump)                                                                                      \
  X(scanTree, vrift_js_scan_tree)                                                                                        \
  X(indexCreate, vrift_js_index_create)                                                                                  \
  X(indexGrow, vrift_js_index_grow)                                                                                      \
  X(indexInsert, vrift_js_index_insert)                                                                                  \
  X(indexReopen, vrift_js_index_reopen)                                                                                  \
  X(indexSurvey, vrift_js_index_survey)                                                                                  \
  X(indexFill, vrift_js_index_fill)                                                                                      \
  X(indexUpdate, vrift_js_index_update)                                                                                  \
  X(indexRemove, vrift_js_index_remove)                                                                                  \
  X(indexMoveRoom, vrift_js_index_move_room)                                                                             \
  X(indexMove, vrift_js_index_move)                                                                                      \
  X(indexFind, vrift_js_index_find)                                                                                      \
  X(indexBuffer, vrift_js_index_buffer)                                                                                  \
  X(indexPublishSeen, vrift_js_index_publish_seen)                                                                       \
  X(indexBeat, vrift_js_index_beat)                                                                                      \
  X(indexLearn, vrift_js_index_learn)                                                                                    \
  X(indexUnsettle, vrift_js_index_unsettle)                                                                              \
  X(indexSettle, vrift_js_index_settle)                                                                                  \
  X(indexSetTransaction, vrift_js_index_set_transaction)                                                                 \
  X(indexSetHeld, vrift_js_index_set_held)                                                                               \
  X(indexDistrust, vrift_js_index_distrust)                                                                              \
  X(indexSetDistrust, vrift_js_index_set_distrust)                                                                       \
  X(indexClearLost, vrift_js_index_clear_lost)                                                                           \
  X(indexSupersede, vrift_js_index_supersede)                                                                            \
  X(indexClose, vrift_js_index_close)                                                                                    \
  X(sharedIndexOpen, vrift_js_shared_index_open)                                                                         \
  X(sharedIndexGet, vrift_js_shared_index_get)                                                                           \
  X(sharedIndexList, vrift_js_shared_index_list)                                                                         \
  X(sharedIndexClose, vrift_js_shared_index_close)                                                                       \
  X(exportMake, vrift_js_export_make)                                                                                    \
  X(exportRefresh, vrift_js_export_refresh)                                                                              \
  X(exportClose, vrift_js_export_close)                                                                                  \
  X(watchStart, vrift_js_watch_start)                                                                                    \
  X(watchAdd, vrift_js_watch_add)                                                                                        \
  X(watchSetIndex, vrift_js_watch_set_index)                                                                             \
  X(watchDrain, vrift_js_watch_drain)                                                                                    \
  X(watchStop, vrift_js_watch_stop)

#define DECLARE(name, function) napi_value function(napi_env, napi_callback_info);
FUNCTIONS(DECLARE)

NAPI_MODULE_INIT() {
  static const napi_property_descriptor properties[] = {
#define DESCRIBE(name, function) {#name, NULL, function, NULL, NULL, NULL, napi_enumerable, NULL},
      FUNCTIONS(DESCRIBE)
#undef DESCRIBE
  };
  napi_define_properties(env, exports, sizeof properties / sizeof properties[0], properties);
  return exports;
}
