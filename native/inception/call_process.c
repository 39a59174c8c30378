/* exec and spawn: the program comes to life with this library in it, whatever environment it was given. */
#include <stdarg.h>

#include "descriptors.h"
#include "environment.h"
#include "errno_slot.h"
#include "hydrate.h"
#include "libc.h"
#include "notice.h"
#include "own_changes.h"
#include "search.h"
#include "target.h"
#include "vfs.h"

#define ARGUMENTS_LIMIT 8192

EXPORT int execve(const char *path, char *const argv[], char *const envp[]) {
  return (int)answer(vfs_execveat(AT_FDCWD, path, argv, envp, 0));
}
EXPORT int execv(const char *path, char *const argv[]) {
  return (int)answer(vfs_execveat(AT_FDCWD, path, argv, environment_own(), 0));
}
EXPORT int execveat(int dirfd, const char *path, char *const argv[], char *const envp[], int flags) {
  return (int)answer(vfs_execveat(dirfd, path, argv, envp, flags));
}
EXPORT int fexecve(int fd, char *const argv[], char *const envp[]) {
  if (fd < 0 || argv == 0 || envp == 0) return (int)answer(-EINVAL);
  return (int)answer(vfs_execveat(fd, "", argv, envp, AT_EMPTY_PATH));
}
EXPORT int execvp(const char *file, char *const argv[]) {
  return (int)answer(search_exec(file, argv, environment_own()));
}
EXPORT int execvpe(const char *file, char *const argv[], char *const envp[]) {
  return (int)answer(search_exec(file, argv, envp));
}

/* The arguments of execl and its like, up to the null; the list goes on the caller's stack. */
#define COLLECT(first, rest, list) \
  size_t count = 1; \
  va_list counting; \
  va_copy(counting, rest); \
  while (va_arg(counting, char *) != 0) count++; \
  va_end(counting); \
  if (count > ARGUMENTS_LIMIT) return (int)answer(-E2BIG); \
  char **list = __builtin_alloca((count + 1) * sizeof(char *)); \
  list[0] = (char *)(first); \
  for (size_t i = 1; i <= count; i++) list[i] = va_arg(rest, char *);

EXPORT int execl(const char *path, const char *first, ...) {
  va_list rest;
  va_start(rest, first);
  COLLECT(first, rest, list)
  va_end(rest);
  return (int)answer(vfs_execveat(AT_FDCWD, path, list, environment_own(), 0));
}
EXPORT int execlp(const char *file, const char *first, ...) {
  va_list rest;
  va_start(rest, first);
  COLLECT(first, rest, list)
  va_end(rest);
  return (int)answer(search_exec(file, list, environment_own()));
}
EXPORT int execle(const char *path, const char *first, ...) {
  va_list rest;
  va_start(rest, first);
  COLLECT(first, rest, list)
  char *const *envp = va_arg(rest, char *const *);
  va_end(rest);
  return (int)answer(vfs_execveat(AT_FDCWD, path, list, envp, 0));
}

/* An action of this process opens files for writing: what libc opens in the child nobody has marked since. */
static bool actions_open;

/* libc's errors of spawn are its return value. */
#define SPAWN(name, searches) \
  EXPORT int name(int *pid, const char *path, const void *actions, const void *attributes, char *const argv[], \
                  char *const envp[]) { \
    int (*real)(int *, const char *, const void *, const void *, char *const *, char *const *) = \
        LIBC(int (*)(int *, const char *, const void *, const void *, char *const *, char *const *), #name); \
    bool opens = actions != 0 && __atomic_load_n(&actions_open, __ATOMIC_RELAXED); \
    const struct spawning call = {pid, path, actions, attributes, argv, envp, real, searches, opens}; \
    if (!real) return ENOSYS; \
    long result = vfs_spawn(&call); \
    return failed(result) ? (int)-result : 0; \
  }
SPAWN(posix_spawn, false)
SPAWN(posix_spawnp, true)

/*
 * The file is opened by libc inside the child, out of reach: it is made physical now. Its name gets its mark now as well;
 * the word stays dirty until the next resync, which is after the child was started.
 */
EXPORT int posix_spawn_file_actions_addopen(void *actions, int fd, const char *path, int flags, unsigned mode) {
  typedef int (*adder)(void *, int, const char *, int, unsigned);
  adder real = LIBC(adder, "posix_spawn_file_actions_addopen");
  const struct view *view = view_current();
  struct target target;
  if (!real) return ENOSYS;
  if (view != 0 && target_find(view, AT_FDCWD, path, (flags & O_NOFOLLOW) == 0, &target)) {
    bool changes = (flags & (O_ACCMODE | O_CREAT | O_TRUNC)) != O_RDONLY;
    if (changes) __atomic_store_n(&actions_open, true, __ATOMIC_RELAXED);
    target_begin(view, &target);
    long result = target.place.link ? 0 : hydrate(view, &target.place);
    target_end(view, &target);
    if (failed(result) && !changes) return (int)-result;
  }
  return real(actions, fd, path, flags, mode);
}

/* system and popen start /bin/sh with libc's own `environ`: what is missing is put there. */
static void restore_environment(void) {
  vfs_fork();
  int (*set)(const char *, const char *, int) = LIBC(int (*)(const char *, const char *, int), "setenv");
  if (set) environment_restore(set);
}

/* The shell is libc's own affair. */
static bool shell_leaves(const struct view *view) {
  return view != 0 && view->solid && notice_program(view, AT_FDCWD, "/bin/sh", 0);
}

EXPORT int system(const char *command) {
  int (*real)(const char *) = LIBC(int (*)(const char *), "system");
  const struct view *view = view_current();
  bool leaves = shell_leaves(view);
  restore_environment();
  if (!real) return (int)answer(-ENOSYS);
  if (leaves) uninjected_begins(view, raw_getpid());
  int result = real(command);
  if (leaves) uninjected_ended(raw_getpid());
  return result;
}

#define POPEN(name) \
  EXPORT void *name(const char *command, const char *mode) { \
    void *(*real)(const char *, const char *) = LIBC(void *(*)(const char *, const char *), #name); \
    const struct view *view = view_current(); \
    /* Until this process ends: whose child the shell is only libc knows. */ \
    if (shell_leaves(view)) uninjected_begins(view, raw_getpid()); \
    restore_environment(); \
    return real ? real(command, mode) : 0; \
  }
POPEN(popen)
POPEN(_IO_popen)
