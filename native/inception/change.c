#include "change.h"

#include "descriptor_names.h"
#include "hydrate.h"
#include "own_changes.h"
#include "swap.h"
#include "target.h"

long change_descriptor(int fd, const struct real_call *call) {
  const struct view *view = view_current();
  struct own_change change;
  long result = view == 0 ? 0 : swap_descriptor(view, fd);
  if (result != 0) return result;
  own_change_begin(view, fd, &change);
  result = make_real_call(call);
  own_change_end(view, &change);
  return result;
}

long change_file(int dirfd, const char *path, bool follow, const struct real_call *call) {
  const struct view *view = view_current();
  struct target target;
  struct vrift_entry entry;
  if (view == 0 || !readable(path)) return make_real_call(call);
  int named = path[0] == '/' && follow ? descriptor_named(path) : -1;
  if (named >= 0) {
    return change_descriptor(named, call);
  }
  if (!target_find(view, dirfd, path, follow, &target))
    return look_error(view, dirfd, path, follow, make_real_call(call));
  long result = 0;
  target_begin(view, &target);
  if (!target.place.link) {
    if (target.place.slash && virtual_and_seen(&target.place, &entry))
      result = -ENOTDIR;
    else
      result = hydrate(view, &target.place);
  }
  if (result == 0) result = make_real_call(call);
  target_end(view, &target);
  return result;
}

long change_new_name(int dirfd, const char *path, const struct real_call *call) {
  const struct view *view = view_current();
  struct target target;
  struct vrift_entry entry;
  if (view == 0 || !readable(path)) return make_real_call(call);
  if (!target_find(view, dirfd, path, FOLLOW_NEVER, &target))
    return look_error(view, dirfd, path, FOLLOW_NEVER, make_real_call(call));
  target_begin(view, &target);
  long result = !target.place.link && virtual_and_seen(&target.place, &entry) ? -EEXIST : make_real_call(call);
  target_end(view, &target);
  return result;
}
