/* Calls on open descriptors: the table follows copies, and what would touch a blob is moved to the file it stands for. */
#include "cancel.h"
#include "descriptors.h"
#include "openings.h"
#include "own_changes.h"
#include "swap.h"
#include "vfs.h"

static void copied(int from, int to) {
  descriptor_copied(from, to);
  opening_shared(from, to);
}

long vfs_dup(int fd) {
  long result = raw1(__NR_dup, fd);
  if (result >= 0) copied(fd, (int)result);
  return result;
}

long vfs_dup2(int fd, int to) {
  long result = raw2(__NR_dup2, fd, to);
  if (result >= 0) copied(fd, to);
  return result;
}

long vfs_dup3(int fd, int to, int flags) {
  long result = raw3(__NR_dup3, fd, to, flags);
  if (result >= 0) copied(fd, to);
  return result;
}

/* Locks and leases are about the file a program thinks it has, not about the blob all its equals share. */
static bool concerns_file(int command) {
  switch (command) {
  case F_GETLK:
  case F_SETLK:
  case F_SETLKW:
  case F_OFD_GETLK:
  case F_OFD_SETLK:
  case F_OFD_SETLKW:
  case F_SETLEASE:
  case F_NOTIFY:
    return true;
  default:
    return false;
  }
}

long vfs_fcntl(int fd, int command, long argument) {
  const struct view *view = view_current();
  if (view != 0 && concerns_file(command)) {
    long swapped = swap_descriptor(view, fd);
    if (swapped != 0) return swapped;
  }
  bool waits = command == F_SETLKW || command == F_OFD_SETLKW;
  long result = waits ? blocking_fcntl(fd, command, argument) : raw_fcntl(fd, command, argument);
  if (result >= 0 && (command == F_DUPFD || command == F_DUPFD_CLOEXEC)) copied(fd, (int)result);
  return result;
}

static long on_the_file(int fd, long number, long a, long b, long c, long d) {
  const struct view *view = view_current();
  if (view != 0) {
    long swapped = swap_descriptor(view, fd);
    if (swapped != 0) return swapped;
  }
  return raw5(number, fd, a, b, c, d);
}

static long change_the_file(int fd, long number, long a, long b, long c, long d) {
  const struct view *view = view_current();
  struct own_change change;
  own_change_begin(view, fd, &change);
  long result = on_the_file(fd, number, a, b, c, d);
  own_change_end(view, &change);
  return result;
}

long vfs_flock(int fd, int operation) { return on_the_file(fd, __NR_flock, operation, 0, 0, 0); }
long vfs_fchmod(int fd, unsigned mode) { return change_the_file(fd, __NR_fchmod, mode, 0, 0, 0); }
long vfs_fchown(int fd, unsigned uid, unsigned gid) { return change_the_file(fd, __NR_fchown, uid, gid, 0, 0); }
long vfs_fsetxattr(int fd, const char *name, const void *value, size_t size, int flags) {
  return change_the_file(fd, __NR_fsetxattr, (long)name, (long)value, (long)size, flags);
}
long vfs_fremovexattr(int fd, const char *name) { return change_the_file(fd, __NR_fremovexattr, (long)name, 0, 0, 0); }
