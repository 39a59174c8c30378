/*
 * What an event means for the marks and for trust.
 *
 * A reader may use the index for a name while mark equals seen, so every event adds a whole operation to the word of the
 * name it is about, and, when a name came or went, to that of its directory. What one word cannot say raises
 * DISTRUST_LOST, and the kernel answers for every name until the owner has rescanned:
 *  - the queue overflowed, a watch ended without its directory being deleted, or the file system went away;
 *  - a directory the index knows was moved away: every name below it is gone, without an event of its own;
 *  - a directory's permissions changed: what is below it may have become reachable or unreachable;
 *  - in a solid tree, the table of mounts changed: a directory may be another one without any event of its own.
 * A deleted directory raises nothing: each name in it went with an event of its own before (rmdir wants it empty), and its
 * own words are dirty. Nor does a directory moved in: no name below it is in the index, and "absent" is judged by the
 * nearest directory that is, whose word, and that of the new name, this event makes dirty.
 *
 * Not told at all by inotify: a file changed through another of its hard links outside the watched directories, and the link
 * count of the other names when a link is made or removed. Files with several links are therefore never answered from
 * the index (DESIGN, "What the kernel must find itself is physical"), but a first link made from outside is not seen.
 *
 * The owner adds watches before it scans a directory and inserts its entries, so for a directory that is in the index, or
 * about to be, one of the rules above always has its event.
 */
#include "watch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "watch_table.h"

enum { EVENT_BUFFER = 64 * 1024, DRAIN_POLL_MS = 100 };
#define NAME_EVENTS (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO)
#define WATCHED_EVENTS (NAME_EVENTS | IN_MODIFY | IN_ATTRIB | IN_CLOSE_WRITE | IN_DELETE_SELF | IN_MOVE_SELF)

struct vrift_watch {
  pthread_t thread;
  int inotify, kick; /* kick: an eventfd, written to stop and when a drain begins */
  int mounts;        /* /proc/self/mountinfo, or -1 */
  bool stop;
  int cookie_wd;
  char *root, *cookies;
  uint64_t *marks;
  void (*wake)(void *context, bool changed);
  void *context;
  uint64_t cookies_made;    /* of the calling thread */
  uint64_t cookies_reached; /* atomic */
  bool draining;            /* atomic */

  /* Held for a batch of events, and to add a watch: an event may not be looked at before its watch has a key. */
  pthread_mutex_t lock;
  struct vrift_watch_table table;
  struct vrift_index_view index;
  bool changed;
};

static void raise_lost(struct vrift_watch *watch) {
  struct vrift_index_header *header = (struct vrift_index_header *)(uintptr_t)watch->index.header;
  __atomic_fetch_or(&header->distrust, VRIFT_DISTRUST_LOST, __ATOMIC_ACQ_REL);
  watch->changed = true;
}

static void bump(struct vrift_watch *watch, const uint8_t *key, uint64_t length) {
  vrift_marks_bump(watch->marks, vrift_path_hash(key, length));
  watch->changed = true;
}

/* Whether the index has the key; also when it cannot say. */
static bool may_be_known(struct vrift_watch *watch, const uint8_t *key, uint64_t length, struct vrift_entry *copy) {
  uint32_t entry;
  return vrift_index_lookup(&watch->index, key, length, vrift_path_hash(key, length), copy, &entry) != VRIFT_ABSENT;
}

static void check_permissions(struct vrift_watch *watch, const uint8_t *key, uint32_t length) {
  char path[2 * PATH_MAX];
  struct stat status;
  struct vrift_entry entry = {.mode = 0};
  if (!may_be_known(watch, key, length, &entry)) return;
  int written = snprintf(path, sizeof path, "%s/%.*s", watch->root, (int)length, (const char *)key);
  if (written >= (int)sizeof path || lstat(path, &status) != 0) return;
  if ((status.st_mode ^ entry.mode) & 07777) raise_lost(watch);
}

static void apply_to_child(struct vrift_watch *watch, const struct vrift_watched *directory,
                           const struct inotify_event *event) {
  uint8_t key[PATH_MAX + NAME_MAX + 2];
  uint32_t length = directory->key_length, name_length = (uint32_t)strlen(event->name);
  memcpy(key, directory->key, length);
  if (length > 0) key[length++] = '/';
  memcpy(key + length, event->name, name_length);
  length += name_length;
  bump(watch, key, length);
  if (event->mask & NAME_EVENTS) bump(watch, directory->key, directory->key_length);
  if (!(event->mask & IN_ISDIR)) return;
  struct vrift_entry entry;
  if ((event->mask & IN_MOVED_FROM) && may_be_known(watch, key, length, &entry)) raise_lost(watch);
  if (event->mask & IN_ATTRIB) check_permissions(watch, key, length);
}

static void apply(struct vrift_watch *watch, const struct inotify_event *event) {
  if (event->mask & (IN_Q_OVERFLOW | IN_UNMOUNT)) raise_lost(watch);
  struct vrift_watched *directory = vrift_watch_table_find(&watch->table, event->wd);
  if (!directory) return;
  if (event->mask & IN_IGNORED) {
    if (!directory->deleted) raise_lost(watch);
    vrift_watch_table_remove(&watch->table, event->wd);
    return;
  }
  if (event->mask & IN_DELETE_SELF) directory->deleted = true;
  if ((event->mask & IN_MOVE_SELF) || ((event->mask & IN_DELETE_SELF) && directory->key_length == 0)) raise_lost(watch);
  if (event->len > 0 && event->name[0] != 0)
    apply_to_child(watch, directory, event);
  else
    bump(watch, directory->key, directory->key_length);
  if (event->len == 0 && (event->mask & IN_ATTRIB) && directory->key_length == 0) check_permissions(watch, directory->key, 0);
}

static bool apply_cookie(struct vrift_watch *watch, const struct inotify_event *event) {
  if (event->wd != watch->cookie_wd) return false;
  if ((event->mask & IN_CREATE) && event->len > 0)
    __atomic_store_n(&watch->cookies_reached, strtoull(event->name, NULL, 10), __ATOMIC_RELEASE);
  return true;
}

/* Everything the queue has now. */
static void read_events(struct vrift_watch *watch, char *buffer) {
  while (!__atomic_load_n(&watch->stop, __ATOMIC_ACQUIRE)) {
    ssize_t length = read(watch->inotify, buffer, EVENT_BUFFER);
    if (length <= 0) return;
    pthread_mutex_lock(&watch->lock);
    for (ssize_t at = 0; at < length;) {
      const struct inotify_event *event = (const void *)(buffer + at);
      at += (ssize_t)(sizeof *event + event->len);
      if (!apply_cookie(watch, event)) apply(watch, event);
    }
    bool changed = watch->changed;
    watch->changed = false;
    pthread_mutex_unlock(&watch->lock);
    watch->wake(watch->context, changed);
  }
}

/* The kernel says POLLPRI once after each change. */
static void mounts_changed(struct vrift_watch *watch) {
  pthread_mutex_lock(&watch->lock);
  raise_lost(watch);
  watch->changed = false;
  pthread_mutex_unlock(&watch->lock);
  watch->wake(watch->context, true);
}

static void *run(void *raw) {
  struct vrift_watch *watch = raw;
  char *buffer = aligned_alloc(_Alignof(struct inotify_event), EVENT_BUFFER);
  while (buffer && !__atomic_load_n(&watch->stop, __ATOMIC_ACQUIRE)) {
    struct pollfd fds[3] = {{.fd = watch->inotify, .events = POLLIN},
                            {.fd = watch->kick, .events = POLLIN},
                            {.fd = watch->mounts, .events = POLLPRI}};
    int timeout = __atomic_load_n(&watch->draining, __ATOMIC_ACQUIRE) ? DRAIN_POLL_MS : -1;
    int ready = poll(fds, 3, timeout);
    uint64_t kicks;
    if (fds[1].revents && read(watch->kick, &kicks, sizeof kicks) < 0 && errno != EAGAIN) break;
    if (ready > 0 && (fds[2].revents & POLLPRI)) mounts_changed(watch);
    if (ready > 0 && fds[0].revents) read_events(watch, buffer);
    if (ready == 0) watch->wake(watch->context, false);
  }
  free(buffer);
  return NULL;
}

static void kick(struct vrift_watch *watch) {
  uint64_t one = 1;
  /* Only a counter near 2^64 could make this fail. */
  if (write(watch->kick, &one, sizeof one) < 0) return;
}

static void free_watch(struct vrift_watch *watch) {
  if (watch->inotify >= 0) close(watch->inotify);
  if (watch->kick >= 0) close(watch->kick);
  if (watch->mounts >= 0) close(watch->mounts);
  vrift_watch_table_free(&watch->table);
  pthread_mutex_destroy(&watch->lock);
  free(watch->root);
  free(watch->cookies);
  free(watch);
}

/* Without signals: they belong to the threads of Node. */
static int start_thread(struct vrift_watch *watch) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int error = pthread_create(&watch->thread, NULL, run, watch);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return error;
}

int vrift_watch_start(const struct vrift_watch_options *options, struct vrift_watch **out) {
  struct vrift_watch *watch = calloc(1, sizeof *watch);
  if (!watch) return ENOMEM;
  watch->root = strdup(options->root);
  watch->cookies = strdup(options->cookies);
  watch->marks = options->marks;
  watch->index = *options->index;
  watch->wake = options->wake;
  watch->context = options->context;
  pthread_mutex_init(&watch->lock, NULL);
  watch->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  watch->kick = watch->inotify < 0 ? -1 : eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  watch->mounts = options->mounts && watch->kick >= 0 ? open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC) : -1;
  int error = watch->kick < 0 ? errno : !watch->root || !watch->cookies ? ENOMEM : 0;
  if (!error) {
    watch->cookie_wd = inotify_add_watch(watch->inotify, watch->cookies, IN_CREATE | IN_ONLYDIR | IN_DONT_FOLLOW);
    if (watch->cookie_wd < 0) error = errno;
  }
  if (!error) error = start_thread(watch);
  if (error)
    free_watch(watch);
  else
    *out = watch;
  return error;
}

void vrift_watch_stop(struct vrift_watch *watch) {
  __atomic_store_n(&watch->stop, true, __ATOMIC_RELEASE);
  kick(watch);
  pthread_join(watch->thread, NULL);
  free_watch(watch);
}

int vrift_watch_add(struct vrift_watch *watch, const uint8_t *key, uint32_t length) {
  char path[PATH_MAX];
  int written = snprintf(path, sizeof path, "%s/%.*s", watch->root, (int)length, (const char *)key);
  if (written >= (int)sizeof path) return ENAMETOOLONG;
  pthread_mutex_lock(&watch->lock);
  int wd = inotify_add_watch(watch->inotify, path, WATCHED_EVENTS | IN_ONLYDIR | IN_DONT_FOLLOW);
  int error = wd < 0 ? errno : 0;
  if (!error && !vrift_watch_table_put(&watch->table, wd, key, length)) {
    inotify_rm_watch(watch->inotify, wd);
    error = ENOMEM;
  }
  pthread_mutex_unlock(&watch->lock);
  return error;
}

void vrift_watch_set_index(struct vrift_watch *watch, const struct vrift_index_view *index) {
  pthread_mutex_lock(&watch->lock);
  bool lost = __atomic_load_n(&watch->index.header->distrust, __ATOMIC_ACQUIRE) & VRIFT_DISTRUST_LOST;
  watch->index = *index;
  if (lost) raise_lost(watch);
  pthread_mutex_unlock(&watch->lock);
}

int vrift_watch_cookie(struct vrift_watch *watch, uint64_t *number) {
  char path[PATH_MAX];
  *number = ++watch->cookies_made;
  if (snprintf(path, sizeof path, "%s/%llu", watch->cookies, (unsigned long long)*number) >= (int)sizeof path)
    return ENAMETOOLONG;
  unlink(path); /* of a daemon that was killed here */
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) return errno;
  close(fd);
  unlink(path);
  return 0;
}

void vrift_watch_set_draining(struct vrift_watch *watch, bool draining) {
  __atomic_store_n(&watch->draining, draining, __ATOMIC_RELEASE);
  kick(watch);
}

uint64_t vrift_watch_reached(struct vrift_watch *watch) {
  return __atomic_load_n(&watch->cookies_reached, __ATOMIC_ACQUIRE);
}
