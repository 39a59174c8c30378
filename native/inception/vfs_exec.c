#include "cwd.h"
#include "environment.h"
#include "look.h"
#include "notice.h"
#include "own_changes.h"
#include "vfs.h"

/* More than this on the stack of a thread or of a vfork child would be bold. */
#define STACK_LIMIT 65536

/*
 * Runs in vfork children: nothing but the stack and the kernel. A virtual file is never executable, so the kernel's ENOENT
 * becomes EACCES when one is there.
 */
long vfs_execveat(int dirfd, const char *path, char *const argv[], char *const envp[], int flags) {
  const struct view *view = view_current();
  size_t size = environment_size(envp);
  char **list = (char **)envp;
  void *mapped = 0;
  bool leaves = view != 0 && readable(path) && notice_program(view, dirfd, path, flags) && view->solid;
  if (leaves) uninjected_begins(view, raw_getpid());
  if (size > STACK_LIMIT) {
    mapped = raw_mmap(size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    if (is_error(mapped)) return -ENOMEM;
    list = environment_build(envp, mapped, size);
  } else if (size > 0) {
    list = environment_build(envp, __builtin_alloca(size), size);
  }
  long result = dirfd == AT_FDCWD && flags == 0
                    ? raw3(__NR_execve, (long)path, (long)argv, (long)list)
                    : raw5(__NR_execveat, dirfd, (long)path, (long)argv, (long)list, flags);
  if (leaves) uninjected_ended(raw_getpid());
  if (mapped != 0) raw_munmap(mapped, size);
  if (result == -ENOENT && view != 0 && readable(path)) {
    struct place place;
    struct vrift_entry entry;
    long found = look_again(view, dirfd, path, true, &place, &entry);
    if (found == 0) return -EACCES;
    if (found == -ENOTDIR) return found;
  }
  return result;
}
