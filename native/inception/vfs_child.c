/* Children: the program in one comes to life with this library in it, whatever environment it was given. */
#include "environment.h"
#include "look.h"
#include "notice.h"
#include "openings.h"
#include "own_changes.h"
#include "search.h"
#include "vfs.h"

long vfs_fork(void) {
  openings_before_child();
  return 0;
}

/* The child's number, or -errno. */
static long real_spawn(const struct spawning *call, char *const *envp) {
  int child = 0;
  int result = call->real(&child, call->path, call->actions, call->attributes, call->argv, envp);
  if (result != 0) return -result;
  if (call->pid != 0) *call->pid = child;
  return child;
}

static long spawn_with_library(const struct spawning *call) {
  size_t size = environment_size(call->envp);
  if (size == 0) return real_spawn(call, call->envp);
  void *memory = raw_mmap(size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
  if (is_error(memory)) return -ENOMEM;
  long result = real_spawn(call, environment_build(call->envp, memory, size));
  raw_munmap(memory, size);
  return result;
}

/* Nothing in the child says what it changes in a solid tree. */
static bool leaves(const struct view *view, const struct spawning *call) {
  char found[PATH_SIZE];
  const char *program = call->searches ? search_find(call->path, found) : call->path;
  bool without_library = program != 0 && notice_program(view, AT_FDCWD, program, 0);
  return view->solid && (without_library || call->opens);
}

/* A virtual file is never executable. */
long vfs_spawn(const struct spawning *call) {
  const struct view *view = view_current();
  bool leaving = view != 0 && leaves(view, call);
  openings_before_child();
  if (leaving) uninjected_begins(view, raw_getpid());
  long result = spawn_with_library(call);
  if (leaving) {
    if (!failed(result)) uninjected_begins(view, (int)result);
    uninjected_ended(raw_getpid());
  }
  struct place place;
  struct vrift_entry entry;
  if (result == -ENOENT && view != 0 && !call->searches && readable(call->path) &&
      look_again(view, AT_FDCWD, call->path, true, &place, &entry) == 0)
    return -EACCES;
  return result;
}
