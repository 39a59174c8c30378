#include "stream.h"

#include "bytes.h"

#define MAGIC 0x8ab1f7d1c0de5eedull
#define BUFFER_SIZE 32768
/* Untouched ones cost nothing; a deeper recursion gets mapped ones. */
#define POOL 16
#define SEEK_SET 0

struct stream {
  uint64_t magic;
  const struct view *view;
  int fd;
  int lock;
  bool pooled;
  bool listed;      /* `listing` is filled */
  bool in_virtual;  /* the kernel's names are through */
  uint32_t next;    /* of the virtual ones */
  size_t at, filled;
  int64_t offset; /* cookie of what comes next */
  struct place directory;
  struct listing listing;
  struct dirent64 record;
  char buffer[BUFFER_SIZE] __attribute__((aligned(16)));
};

static struct stream pool[POOL];

static struct stream *take(void) {
  for (int i = 0; i < POOL; i++) {
    uint64_t unused = 0;
    if (__atomic_compare_exchange_n(&pool[i].magic, &unused, MAGIC, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
      pool[i].pooled = true;
      return &pool[i];
    }
  }
  struct stream *stream = raw_mmap(sizeof *stream, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
  if (is_error(stream)) return 0;
  stream->pooled = false;
  stream->magic = MAGIC;
  return stream;
}

static void give_back(struct stream *stream) {
  if (stream->pooled)
    __atomic_store_n(&stream->magic, 0, __ATOMIC_RELEASE);
  else
    raw_munmap(stream, sizeof *stream);
}

static struct stream *make(const struct view *view, int fd, const struct place *place, int *error) {
  struct stream *stream = take();
  if (stream == 0) {
    *error = ENOMEM;
    return 0;
  }
  stream->view = view;
  stream->fd = fd;
  stream->lock = 0;
  stream->listed = stream->in_virtual = false;
  stream->next = 0;
  stream->at = stream->filled = 0;
  stream->offset = 0;
  if (!place_real_path(view, place, stream->directory.text)) {
    give_back(stream);
    *error = ENAMETOOLONG;
    return 0;
  }
  size_t length = view->root_length + (place->length == 0 ? 0 : 1 + place->length);
  stream->directory.text[length] = 0;
  place_from_text(view, &stream->directory, length);
  stream->listing.mapped = 0;
  stream->listing.count = 0;
  stream->listing.structure = vrift_structure_begin(&view->index);
  return stream;
}

struct stream *stream_open(int fd, int *error) {
  struct place place;
  struct stat st;
  const struct view *view = view_current();
  *error = 0;
  if (view == 0) return 0;
  long length = descriptor_path(fd, place.text);
  if (failed(length)) return 0;
  place_from_text(view, &place, (size_t)length);
  if (!place.inside || !listing_needed(view, &place)) return 0;
  long status = raw_fcntl(fd, F_GETFL, 0);
  if (raw_fstat(fd, &st) != 0 || status < 0)
    *error = EBADF;
  else if ((st.st_mode & S_IFMT) != S_IFDIR)
    *error = ENOTDIR;
  else if ((status & O_ACCMODE) == O_WRONLY || (status & O_PATH) != 0)
    *error = EINVAL;
  return *error != 0 ? 0 : make(view, fd, &place, error);
}

struct stream *stream_open_path(int fd, const char *path, int *error) {
  struct place place;
  const struct view *view = view_current();
  *error = 0;
  if (view == 0) return 0;
  /* A directory that the index knows under this very text lies there, and nothing has moved since. */
  if (!place_lexical(view, AT_FDCWD, path, &place) || !place.known || !surely_directory(view, &place))
    return stream_open(fd, error);
  return listing_needed(view, &place) ? make(view, fd, &place, error) : 0;
}

/* A record of the kernel's that is to be told; null at the end or on an error. */
static struct dirent64 *read_physical(struct stream *stream, int *error) {
  for (;;) {
    if (stream->at >= stream->filled) {
      long size = raw3(__NR_getdents64, stream->fd, (long)stream->buffer, BUFFER_SIZE);
      /* As libc has it: a directory that was removed has ended. */
      if (size < 0 && size != -ENOENT) *error = (int)-size;
      if (size <= 0) return 0;
      stream->at = 0;
      stream->filled = (size_t)size;
    }
    struct dirent64 *record = (struct dirent64 *)(void *)(stream->buffer + stream->at);
    stream->at += record->d_reclen;
    stream->offset = record->d_off;
    if (listing_physical(stream->view, &stream->directory, &stream->listing, record->d_name)) return record;
  }
}

struct dirent64 *stream_read(struct stream *stream, int *error) {
  *error = 0;
  stream->view = listing_follow(stream->view, stream->fd, &stream->directory, &stream->listing);
  if (!stream->listed) {
    listing_open(stream->view, &stream->directory, &stream->listing);
    stream->listed = true;
  }
  if (!stream->in_virtual) {
    struct dirent64 *record = read_physical(stream, error);
    if (record != 0 || *error != 0) return record;
    stream->in_virtual = true;
  }
  if (!listing_virtual(stream->view, &stream->directory, stream->fd, &stream->listing, &stream->next,
                       &stream->record))
    return 0;
  stream->offset = stream->record.d_off;
  return &stream->record;
}

static void forget(struct stream *stream) {
  if (stream->listed) listing_close(&stream->listing);
  stream->listed = false;
}

void stream_rewind(struct stream *stream) {
  raw3(__NR_lseek, stream->fd, 0, SEEK_SET);
  forget(stream);
  stream->in_virtual = false;
  stream->next = 0;
  stream->at = stream->filled = 0;
  stream->offset = 0;
}

void stream_seek(struct stream *stream, long cookie) {
  stream->offset = cookie;
  stream->at = stream->filled = 0;
  stream->in_virtual = listing_is_cookie(cookie);
  if (stream->in_virtual) {
    stream->next = listing_at(cookie);
  } else {
    stream->next = 0;
    raw3(__NR_lseek, stream->fd, cookie, SEEK_SET);
  }
}

long stream_tell(const struct stream *stream) { return stream->offset; }
int stream_descriptor(const struct stream *stream) { return stream->fd; }

long stream_close(struct stream *stream) {
  int fd = stream->fd;
  forget(stream);
  give_back(stream);
  return raw_close(fd);
}

void stream_lock(struct stream *stream) {
  while (__atomic_exchange_n(&stream->lock, 1, __ATOMIC_ACQUIRE) != 0) raw0(__NR_sched_yield);
}
void stream_unlock(struct stream *stream) { __atomic_store_n(&stream->lock, 0, __ATOMIC_RELEASE); }
