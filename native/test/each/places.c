#include <pthread.h>
#include <sched.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>

#include "each.h"

static int changes(void *call) {
  int (*change)(const char *) = (int (*)(const char *))call;
  return fails_with(change("file"), ENOTDIR) && size_of("file") == CONTENT_SIZE && change("dir") == 0 &&
         size_of("inner") == 6 && is_absent("file");
}
static int changes_by_descriptor(void *call) {
  return size_of("file") == CONTENT_SIZE && ((int (*)(int))call)(open("dir", O_RDONLY | O_DIRECTORY)) == 0 &&
         size_of("inner") == 6 && is_absent("file");
}

/* Rights of root, or of a user namespace; by the kernel's own call, because unshare is a row itself. */
static bool has_rights(void) {
  return kernel(SYS_unshare, CLONE_NEWNS, 0, 0, 0) == 0 || kernel(SYS_unshare, CLONE_NEWUSER | CLONE_NEWNS, 0, 0, 0) == 0;
}

/* Behind another root the tree's own path leads elsewhere. */
static int changes_root(void *call) {
  char path[PATH_MAX];
  if (!realpath("file", path)) return 0;
  if (!has_rights()) return CANNOT;
  if (size_of(path) != CONTENT_SIZE) return 0;
  return ((int (*)(const char *))call)("away") == 0 && chdir("/") == 0 && is_absent(path);
}

/* setns on a mount namespace leads to its root. */
static int enters(void *call) {
  char here[PATH_MAX];
  if (!getcwd(here, sizeof here) || !has_rights() || chdir(here) != 0) return CANNOT;
  int fd = open("/proc/self/ns/mnt", O_RDONLY);
  return size_of("file") == CONTENT_SIZE && ((int (*)(int, int))call)(fd, CLONE_NEWNS) == 0 && is_absent("file");
}

static pthread_barrier_t barrier;
static void *elsewhere(void *call) {
  long right = ((int (*)(int))call)(CLONE_FS) == 0 && chdir("dir") == 0 && size_of("inner") == 6;
  pthread_barrier_wait(&barrier);
  pthread_barrier_wait(&barrier);
  right = right && size_of("inner") == 6 && is_absent("file");
  return (void *)right;
}
/* A thread with a working directory of its own. */
static int parts(void *call) {
  pthread_t thread;
  void *right;
  pthread_barrier_init(&barrier, NULL, 2);
  pthread_create(&thread, NULL, elsewhere, call);
  pthread_barrier_wait(&barrier);
  bool here = size_of("file") == CONTENT_SIZE && is_absent("inner");
  pthread_barrier_wait(&barrier);
  pthread_join(thread, &right);
  return here && right;
}

/* A file that is virtual, and a directory out of which one goes. */
static int watches(void *call) {
  typedef int (*watcher)(int, const char *, uint32_t);
  char heard[4096] __attribute__((aligned(8)));
  int fd = inotify_init1(IN_NONBLOCK);
  if (((watcher)call)(fd, "file", IN_CLOSE_WRITE) <= 0 || ((watcher)call)(fd, "dir", IN_DELETE) <= 0) return 0;
  unlink("dir/inner");
  return read(fd, heard, sizeof heard) > 0 && ((struct inotify_event *)heard)->mask == IN_DELETE && is_absent("dir/inner");
}
static int watches_all(void *call) {
  int fd = fanotify_init(FAN_CLASS_NOTIF | FAN_REPORT_FID, O_RDONLY);
  if (fd < 0) return CANNOT;
  typedef int (*marker)(int, unsigned, uint64_t, int, const char *);
  /* A file system without an identifier refuses the mark, but not for want of a file. */
  return ((marker)call)(fd, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, "file") == 0 || errno != ENOENT;
}

const struct row place_rows[] = {
    {"chdir", changes},
    {"fchdir", changes_by_descriptor},
    {"chroot", changes_root},
    {"setns", enters},
    {"unshare", parts},
    {"inotify_add_watch", watches},
    {"fanotify_mark", watches_all},
    {NULL, NULL},
};
