/*
 * ManifestGet from a mapped index, without a system call where the injected library would need none (native/inception/look.c):
 * the same trust, the same order of loads. What the index cannot say by itself is left to the caller.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#include "addon.h"
#include "shared_index.h"

#define SHARED_INDEX 0x736861726564ull
#define MARKS_SIZE (8ull * VRIFT_MARK_COUNT)
#define NAME_LIMIT 255u

/* An option and a VnodeEntry as bincode writes them. */
enum { NONE_SIZE = 1, SOME_SIZE = 1 + 32 + 8 + 8 + 4 + 2 };

/*
 * A file that somebody cuts short under its mapping is SIGBUS at the next load. It is one project's file, and this process may
 * serve others: such a load ends the reading, not the process. Anything else that raises SIGBUS ends it as ever.
 */
static _Thread_local volatile sig_atomic_t reading;
static _Thread_local sigjmp_buf cut_short;
static struct sigaction before;

static void on_bus_error(int signal) {
  (void)signal;
  if (reading) siglongjmp(cut_short, 1);
  sigaction(SIGBUS, &before, NULL); /* and the load is tried again */
}

static void survive_cut_files(void) {
  static bool done;
  if (done) return;
  done = true;
  /* Not blocked in the handler, so that nothing has to be unblocked after it is left by a jump. */
  struct sigaction action = {.sa_handler = on_bus_error, .sa_flags = SA_NODEFER};
  sigaction(SIGBUS, &action, &before);
}

static void begin_reading(void) {
  reading = 1;
  atomic_signal_fence(memory_order_seq_cst);
}

static void end_reading(void) {
  atomic_signal_fence(memory_order_seq_cst);
  reading = 0;
}

static void unmap(struct shared_index *shared) {
  if (shared->map) munmap(shared->map, shared->size);
  if (shared->marks) munmap(shared->marks, MARKS_SIZE);
  shared->map = NULL;
  shared->marks = NULL;
}

static void finalize(napi_env env, void *data, void *hint) {
  (void)env, (void)hint;
  unmap(data);
  free(data);
}

static void *map_file(int fd, size_t size) {
  void *data = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
  return data == MAP_FAILED ? NULL : data;
}

static int judge_mapped(struct shared_index *shared) {
  struct stat root;
  survive_cut_files();
  if (sigsetjmp(cut_short, 0) != 0) {
    end_reading();
    return EBADMSG;
  }
  begin_reading();
  int error = 0;
  if (vrift_index_validate(shared->map, shared->size, &shared->view) != 0)
    error = EBADMSG;
  else if (stat(vrift_index_root(&shared->view), &root) != 0 || root.st_dev != shared->view.header->root_dev ||
           root.st_ino != shared->view.header->root_ino)
    error = ESTALE;
  end_reading();
  return error;
}

/* 0, or an errno: EBADMSG is no index, ESTALE one of a directory that has another place now. */
static int open_shared(struct shared_index *shared, int fd, int marks_fd) {
  struct stat index, marks;
  if (fstat(fd, &index) != 0 || fstat(marks_fd, &marks) != 0) return errno;
  if (index.st_size < VRIFT_INDEX_HEADER_SIZE || (uint64_t)marks.st_size != MARKS_SIZE) return EBADMSG;
  shared->size = (size_t)index.st_size;
  shared->map = map_file(fd, shared->size);
  shared->marks = map_file(marks_fd, MARKS_SIZE);
  if (!shared->map || !shared->marks) return errno;
  return judge_mapped(shared);
}

napi_value vrift_js_shared_index_open(napi_env env, napi_callback_info info) {
  napi_value arguments[2], result;
  int fd, marks_fd;
  if (!vrift_arguments(env, info, 2, arguments) || !vrift_int_argument(env, arguments[0], &fd) ||
      !vrift_int_argument(env, arguments[1], &marks_fd))
    return NULL;
  struct shared_index *shared = calloc(1, sizeof *shared);
  if (!shared) return vrift_throw(env, ENOMEM, "malloc", NULL);
  shared->kind = SHARED_INDEX;
  int error = open_shared(shared, fd, marks_fd);
  if (!error && napi_create_external(env, shared, finalize, NULL, &result) == napi_ok) return result;
  finalize(env, shared, NULL);
  return vrift_throw(env, error ? error : ENOMEM, "sharedIndexOpen", NULL);
}

struct shared_index *vrift_shared_argument(napi_env env, napi_value value) {
  void *data = NULL;
  if (napi_get_value_external(env, value, &data) != napi_ok || !data ||
      ((struct shared_index *)data)->kind != SHARED_INDEX) {
    vrift_throw(env, EINVAL, "shared index handle", NULL);
    return NULL;
  }
  return data;
}

napi_value vrift_js_shared_index_close(napi_env env, napi_callback_info info) {
  napi_value argument;
  if (!vrift_arguments(env, info, 1, &argument)) return NULL;
  struct shared_index *shared = vrift_shared_argument(env, argument);
  if (!shared) return NULL;
  unmap(shared);
  return vrift_undefined(env);
}

/* A stopped writer sees no change and tells none. Who waits a millisecond for an answer can ask the clock each time. */
static bool is_frozen(const struct vrift_index_header *header) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  uint64_t beat = __atomic_load_n(&header->heartbeat_ns, __ATOMIC_ACQUIRE);
  uint64_t time = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
  return time > beat && time - beat > VRIFT_HEARTBEAT_STALE_NS;
}

/* `<root>/<key>`, as the kernel has it. */
static bool real_stat(const struct vrift_index_view *view, const uint8_t *key, size_t length, struct stat *status) {
  char path[2 * VRIFT_INDEX_PATH_MAX];
  size_t root = view->header->root_length;
  if (root >= VRIFT_INDEX_PATH_MAX || length >= VRIFT_INDEX_PATH_MAX) return false;
  memcpy(path, vrift_index_root(view), root);
  path[root] = length ? '/' : 0;
  memcpy(path + root + 1, key, length);
  if (length) path[root + 1 + length] = 0;
  return lstat(path, status) == 0;
}

static int64_t nanoseconds(struct timespec time) { return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec; }

/*
 * A directory's facts are the kernel's, a file's only when its stamp is that of the hash. One system call: a write through a
 * mapping or through another link of the file is told by nobody.
 */
static bool confirm(const struct vrift_index_view *view, const uint8_t *key, size_t length, struct vrift_entry *entry) {
  struct stat now;
  if (!real_stat(view, key, length, &now)) return false;
  if ((now.st_mode & S_IFMT) != (entry->mode & S_IFMT)) return false;
  if ((entry->flags & VRIFT_ENTRY_DIR) != 0) {
    entry->mode = now.st_mode;
    entry->mtime_ns = nanoseconds(now.st_mtim);
    return true;
  }
  return (entry->flags & VRIFT_ENTRY_HASHED) != 0 && now.st_mode == entry->mode && (uint64_t)now.st_size == entry->size &&
         now.st_ino == entry->ino && nanoseconds(now.st_mtim) == entry->mtime_ns &&
         nanoseconds(now.st_ctim) == entry->ctime_ns;
}

static void put(uint8_t **at, uint64_t value, int bytes) {
  for (; bytes > 0; bytes--, value >>= 8) *(*at)++ = (uint8_t)value;
}

static int write_some(const struct vrift_entry *entry, uint8_t *at) {
  bool directory = (entry->flags & VRIFT_ENTRY_DIR) != 0;
  *at++ = 1;
  if (directory)
    memset(at, 0, sizeof entry->content_hash);
  else
    memcpy(at, entry->content_hash, sizeof entry->content_hash);
  at += sizeof entry->content_hash;
  put(&at, directory ? 0 : entry->size, 8);
  put(&at, entry->mtime_ns < 0 ? 0 : (uint64_t)entry->mtime_ns, 8);
  put(&at, entry->mode & 07777, 4);
  put(&at, entry->flags & (VRIFT_ENTRY_DIR | VRIFT_ENTRY_SYMLINK), 2);
  return SOME_SIZE;
}

/* A key as pathToKey gives it, in ASCII. Keys that are in the index need no such check. */
static bool plain_key(const struct vrift_index_view *view, const uint8_t *key, size_t length) {
  size_t begin = 0;
  if (length + 1 + view->header->root_length >= VRIFT_INDEX_PATH_MAX) return false;
  for (size_t i = 0; i <= length; i++) {
    if (i < length && key[i] != '/') {
      if (key[i] == 0 || key[i] >= 0x80) return false;
      continue;
    }
    size_t size = i - begin;
    if (size == 0 || size > NAME_LIMIT) return false;
    if (key[begin] == '.' && (size == 1 || (size == 2 && key[begin + 1] == '.'))) return false;
    begin = i + 1;
  }
  return true;
}

/* look.c's `absent`: the nearest ancestor that has an entry is a COMPLETE directory, or no directory. */
static int judge_absent(const struct shared_index *shared, const uint8_t *key, size_t length, bool clean, uint64_t begun,
                        uint8_t *out) {
  const struct vrift_index_view *view = &shared->view;
  if (!plain_key(view, key, length)) return CANNOT_SAY;
  while (length > 0) {
    struct vrift_entry entry;
    uint32_t number;
    bool missing_clean = clean;
    while (length > 0 && key[length - 1] != '/') length--;
    if (length > 0) length--;
    uint64_t hash = vrift_path_hash(key, length);
    clean = vrift_mark_clean(view, shared->marks, hash);
    enum vrift_found found = vrift_index_lookup(view, key, length, hash, &entry, &number);
    if (found == VRIFT_ABSENT) continue;
    if (found == VRIFT_UNSURE || !clean || !vrift_index_usable(view)) return CANNOT_SAY;
    bool file = (entry.flags & VRIFT_ENTRY_VIRTUAL) != 0 && (entry.flags & VRIFT_ENTRY_KERNEL) == 0;
    bool complete = (entry.flags & (VRIFT_ENTRY_DIR | VRIFT_ENTRY_COMPLETE | VRIFT_ENTRY_KERNEL)) ==
                    (VRIFT_ENTRY_DIR | VRIFT_ENTRY_COMPLETE);
    if (!file && !(complete && missing_clean && vrift_structure_held(view, begun))) return CANNOT_SAY;
    *out = 0;
    return NONE_SIZE;
  }
  return CANNOT_SAY;
}

/* Inside `.vrift`: not the index's business. */
static bool is_private(const uint8_t *key, size_t length) {
  return length >= 6 && memcmp(key, ".vrift", 6) == 0 && (length == 6 || key[6] == '/');
}

static int judge(const struct shared_index *shared, const uint8_t *key, size_t length, uint8_t *out) {
  const struct vrift_index_view *view = &shared->view;
  struct vrift_entry entry;
  uint32_t number;
  if (length >= VRIFT_INDEX_PATH_MAX || is_private(key, length)) return CANNOT_SAY;
  uint64_t hash = vrift_path_hash(key, length);
  uint64_t begun = vrift_structure_begin(view);
  bool clean = vrift_mark_clean(view, shared->marks, hash);
  enum vrift_found found = vrift_index_lookup(view, key, length, hash, &entry, &number);
  if (found == VRIFT_ABSENT) return judge_absent(shared, key, length, clean, begun, out);
  if (found == VRIFT_UNSURE || !clean || !vrift_index_usable(view)) return CANNOT_SAY;
  if ((entry.flags & VRIFT_ENTRY_KERNEL) != 0) return CANNOT_SAY;
  if ((entry.flags & VRIFT_ENTRY_VIRTUAL) == 0 && !confirm(view, key, length, &entry)) return CANNOT_SAY;
  return write_some(&entry, out);
}

int vrift_shared_read(struct shared_index *shared, int (*read)(const struct shared_index *shared, void *context),
                      void *context) {
  if (!shared->map) return OPEN_AGAIN;
  if (sigsetjmp(cut_short, 0) != 0) {
    end_reading();
    return OPEN_AGAIN;
  }
  begin_reading();
  int said = OPEN_AGAIN;
  if (!vrift_index_superseded(&shared->view) && vrift_index_alive(&shared->view))
    said = is_frozen(shared->view.header) ? CANNOT_SAY : read(shared, context);
  end_reading();
  return said;
}

struct question {
  const uint8_t *key;
  size_t length;
  uint8_t *out;
};

static int judge_question(const struct shared_index *shared, void *context) {
  const struct question *question = context;
  return judge(shared, question->key, question->length, question->out);
}

static napi_value number(napi_env env, int value) {
  napi_value result;
  napi_create_int32(env, value, &result);
  return result;
}

bool vrift_shared_bytes(napi_env env, napi_value value, uint8_t **bytes, size_t *length) {
  napi_typedarray_type type;
  void *data;
  if (napi_get_typedarray_info(env, value, &type, length, &data, NULL, NULL) != napi_ok || type != napi_uint8_array)
    return false;
  *bytes = data;
  return true;
}

/* Between two requests the processor sleeps, and each call into Node is cold code: half of the time of this function. */
napi_value vrift_js_shared_index_get(napi_env env, napi_callback_info info) {
  napi_value arguments[6];
  size_t count = 6, length, room;
  void *data = NULL;
  uint8_t *bytes, *out;
  uint32_t from, to, at;
  if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) != napi_ok || count < 6 ||
      napi_get_value_external(env, arguments[0], &data) != napi_ok || !data ||
      !vrift_shared_bytes(env, arguments[1], &bytes, &length) || napi_get_value_uint32(env, arguments[2], &from) != napi_ok ||
      napi_get_value_uint32(env, arguments[3], &to) != napi_ok || !vrift_shared_bytes(env, arguments[4], &out, &room) ||
      napi_get_value_uint32(env, arguments[5], &at) != napi_ok)
    return vrift_throw(env, EINVAL, "sharedIndexGet", NULL);
  struct shared_index *shared = data;
  if (shared->kind != SHARED_INDEX || from > to || to > length || at > room || room - at < SOME_SIZE)
    return vrift_throw(env, EINVAL, "sharedIndexGet", NULL);
  struct question question = {.key = bytes + from, .length = to - from, .out = out + at};
  return number(env, vrift_shared_read(shared, judge_question, &question));
}
