#include "view.h"

#include "bytes.h"

#define MARKS_SIZE (8ul * VRIFT_MARK_COUNT)
/* Older mappings are kept for readers that still hold them; by the time a place is used again, nobody does. */
#define KEPT_VIEWS 8
/* Mapping takes some ten microseconds; this is far more. */
#define NEWEST_WAITS 2000

const struct view *view_now;
static struct view views[KEPT_VIEWS];
static unsigned generation;
static uint64_t *marks;
static char index_path[PATH_SIZE];
static size_t run_length; /* of index_path, up to and with its last slash */
static int mapping;       /* 1 while a thread maps a newer index */
static unsigned tries;

static bool right_root(const struct view *view) {
  struct stat st;
  if (failed(raw_statat(AT_FDCWD, view->root, &st, 0))) return false;
  return st.st_dev == view->root_dev && st.st_ino == view->index.header->root_ino;
}

/* What is mounted where is known of one namespace only. */
static bool right_namespace(const struct view *view) {
  struct stat st;
  return raw_statat(AT_FDCWD, "/proc/self/ns/mnt", &st, 0) == 0 && st.st_ino == view->index.header->mount_namespace;
}

/* Maps a private file of this user: regular, 0600, not a link. Null on any doubt. */
static void *map_private_file(const char *path, int access, int protection, size_t *size) {
  static uint32_t user = UINT32_MAX;
  struct stat st;
  void *mapped = 0;
  int fd = (int)raw_openat(AT_FDCWD, path, access | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0);
  if (fd < 0) return 0;
  if (user == UINT32_MAX) user = (uint32_t)raw0(__NR_geteuid);
  if (raw_fstat(fd, &st) == 0 && st.st_uid == user && (st.st_mode & 07777) == 0600 &&
      (st.st_mode & S_IFMT) == S_IFREG && st.st_size > 0) {
    *size = (size_t)st.st_size;
    mapped = raw_mmap(*size, protection, MAP_SHARED, fd);
    if (is_error(mapped)) mapped = 0;
  }
  raw_close(fd);
  return mapped;
}

/*
 * A stopped daemon (a debugger, a frozen control group) sees no change and tells none. Asking the clock in each call would
 * cost more than the answer, so a program looks when it maps the file.
 */
static uint64_t statx_device(uint64_t dev) {
  uint64_t major = (dev >> 8 & 0xfff) | (dev >> 32 & 0xfffff000), minor = (dev & 0xff) | (dev >> 12 & 0xffffff00);
  return major | minor << 32;
}

static bool is_frozen(const struct vrift_index_header *header) {
  struct __kernel_timespec now;
  if (raw2(__NR_clock_gettime, CLOCK_MONOTONIC, (long)&now) != 0) return false;
  uint64_t beat = __atomic_load_n(&header->heartbeat_ns, __ATOMIC_ACQUIRE);
  uint64_t time = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
  return time > beat && time - beat > VRIFT_HEARTBEAT_STALE_NS;
}

/* Maps the index by its name into the next free place. False: not to be believed. `*view` is null for what is another tree here. */
static bool map_index(const struct view **mapped_view) {
  size_t size = 0;
  void *mapped = map_private_file(index_path, O_RDONLY, PROT_READ, &size);
  if (mapped == 0) return false;
  struct view *view = &views[generation % KEPT_VIEWS];
  if (view->mapped != 0) raw_munmap((void *)view->index.header, view->mapped);
  view->mapped = 0;
  if (vrift_index_validate(mapped, size, &view->index) != 0) {
    raw_munmap(mapped, size);
    return false;
  }
  const struct vrift_index_header *header = view->index.header;
  view->mapped = size;
  view->marks = marks;
  view->root = vrift_index_root(&view->index);
  view->source = vrift_index_source(&view->index);
  view->root_length = header->root_length;
  view->source_length = header->source_length;
  view->root_dev = header->root_dev;
  view->root_statx_dev = statx_device(header->root_dev);
  view->source_dev = header->source_dev;
  view->uid = header->uid;
  view->gid = header->gid;
  view->frozen = is_frozen(header);
  view->solid = header->kind != VRIFT_KIND_PHANTOM;
  generation++;
  *mapped_view = right_root(view) && (!view->solid || right_namespace(view)) ? view : 0;
  return true;
}

void view_open(const char *index) {
  size_t length = text_length(index), size = 0;
  char marks_path[PATH_SIZE];
  if (index[0] != '/' || length >= PATH_SIZE) return;
  memcpy(index_path, index, length + 1);
  for (run_length = length; index_path[run_length - 1] != '/';) run_length--;
  if (!view_run_path("marks", marks_path)) return;
  const struct view *view = 0;
  if (!map_index(&view) || view == 0) return;
  marks = map_private_file(marks_path, O_RDWR, PROT_READ | PROT_WRITE, &size);
  if (marks == 0 || size != MARKS_SIZE) return;
  views[(generation - 1) % KEPT_VIEWS].marks = marks;
  __atomic_store_n(&view_now, view, __ATOMIC_RELEASE);
}

/* Under `mapping`. */
static const struct view *map_newer(const struct view *old) {
  const struct view *now = __atomic_load_n(&view_now, __ATOMIC_ACQUIRE);
  const struct view *next = 0;
  if (now != old || !map_index(&next)) return now;
  __atomic_store_n(&view_now, next, __ATOMIC_RELEASE);
  __atomic_store_n(&tries, 0, __ATOMIC_RELAXED);
  return next;
}

/*
 * One thread maps, the others go on with the old view: it is not trusted any more, so they ask the kernel first. A fork
 * in the middle leaves `mapping` set in the child, which then stays with the old view; slow, not wrong.
 */
const struct view *view_again(const struct view *old) {
  /* A name that cannot be mapped (yet) must not cost four system calls on every stat. */
  if (__atomic_fetch_add(&tries, 1, __ATOMIC_RELAXED) % 256 != 0) return old;
  if (__atomic_exchange_n(&mapping, 1, __ATOMIC_ACQUIRE) != 0) return old;
  const struct view *now = map_newer(old);
  __atomic_store_n(&mapping, 0, __ATOMIC_RELEASE);
  return now;
}

/*
 * The one place where an old view could do harm: what it calls virtual may have been removed since, whiteout and all. So
 * the newer index is waited for, or mapped here whoever else is at it (a lock left by a fork is taken over).
 */
const struct view *view_newest(void) {
  for (int wait = 0;; wait++) {
    const struct view *view = __atomic_load_n(&view_now, __ATOMIC_ACQUIRE);
    if (view == 0 || !vrift_index_superseded(&view->index)) return view;
    if (__atomic_exchange_n(&mapping, 1, __ATOMIC_ACQUIRE) != 0 && wait < NEWEST_WAITS) {
      raw0(__NR_sched_yield);
      continue;
    }
    view = map_newer(view);
    __atomic_store_n(&mapping, 0, __ATOMIC_RELEASE);
    return view;
  }
}

void view_check_root(void) {
  const struct view *view = __atomic_load_n(&view_now, __ATOMIC_ACQUIRE);
  if (view == 0) return;
  if (!right_root(view) || (view->solid && !right_namespace(view))) __atomic_store_n(&view_now, 0, __ATOMIC_RELEASE);
}

bool view_distrusted;
void view_distrust(void) { __atomic_store_n(&view_distrusted, true, __ATOMIC_SEQ_CST); }

bool view_run_path(const char *name, char *out) {
  size_t length = text_length(name);
  if (run_length == 0 || run_length + length >= PATH_SIZE) return false;
  memcpy(out, index_path, run_length);
  memcpy(out + run_length, name, length + 1);
  return true;
}

/*
 * A directory that is renamed has neither name for some milliseconds. Who takes that for "no such file" makes a new one, and the
 * virtual one is hidden by it. A writer that died in mid-change is not waited for, a frozen one for a tenth of a second.
 */
#define CHANGE_WAITS 1500
#define CHANGE_YIELDS 64

bool view_wait_for_change(const struct view *view, int waits) {
  struct __kernel_timespec moment = {0, 20000};
  if (waits >= CHANGE_WAITS || !vrift_index_alive(&view->index)) return false;
  if (waits < CHANGE_YIELDS)
    raw0(__NR_sched_yield);
  else
    raw2(__NR_nanosleep, (long)&moment, 0);
  return true;
}
