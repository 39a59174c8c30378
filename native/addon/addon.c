/* The list of the addon's functions: everything src/platform/native.ts declares. */
#include "addon.h"

#define FUNCTIONS(X)                                                                                                     \
  X(peerCredentials, vrift_js_peer_credentials)                                                                          \
  X(flock, vrift_js_flock)                                                                                               \
  X(linkFd, vrift_js_link_fd)                                                                                            \
  X(renameNoReplace, vrift_js_rename_no_replace)                                                                         \
  X(syncfs, vrift_js_syncfs)                                                                                             \
  X(reflink, vrift_js_reflink)                                                                                           \
  X(hasWriter, vrift_js_has_writer)                                                                                      \
  X(hasXattr, vrift_js_has_xattr)                                                                                        \
  X(setTimes, vrift_js_set_times)                                                                                        \
  X(setProcessName, vrift_js_set_process_name)                                                                           \
  X(mapShared, vrift_js_map_shared)                                                                                      \
  X(pathHash, vrift_js_path_hash)                                                                                        \
  X(marksSnapshot, vrift_js_marks_snapshot)                                                                              \
  X(marksBump, vrift_js_marks_bump)                                                                                      \
  X(scanTree, vrift_js_scan_tree)

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
