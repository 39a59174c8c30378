/*
 * getdents64 without a stream: what has been told is kept per descriptor, in a small table. Only few programs come here,
 * and the kernel's file position cannot hold ours.
 */
#include "bytes.h"
#include "listing.h"
#include "vfs.h"

#define POSITIONS 16

struct position {
  int lock;
  int fd;
  uint64_t inode;
  bool used;
  uint32_t at;
  struct listing listing;
  struct place directory;
  const struct view *view;
};

static struct position positions[POSITIONS];

static struct position *hold(int fd, uint64_t inode) {
  for (int i = 0; i < POSITIONS; i++) {
    struct position *position = &positions[i];
    if (!position->used || position->fd != fd || position->inode != inode) continue;
    if (__atomic_exchange_n(&position->lock, 1, __ATOMIC_ACQUIRE) == 0) return position;
  }
  return 0;
}

static void release(struct position *position) { __atomic_store_n(&position->lock, 0, __ATOMIC_RELEASE); }

static void drop(struct position *position) {
  listing_close(&position->listing);
  position->used = false;
}

static struct position *make(const struct view *view, int fd, uint64_t inode) {
  static unsigned turn;
  for (int i = 0; i < POSITIONS; i++) {
    unsigned number = __atomic_fetch_add(&turn, 1, __ATOMIC_RELAXED) % POSITIONS;
    struct position *position = &positions[number];
    if (__atomic_exchange_n(&position->lock, 1, __ATOMIC_ACQUIRE) != 0) continue;
    if (position->used) drop(position);
    position->fd = fd;
    position->inode = inode;
    position->at = 0;
    position->view = view;
    long length = descriptor_path(fd, position->directory.text);
    if (!failed(length)) place_from_text(view, &position->directory, (size_t)length);
    if (failed(length) || !position->directory.inside || !listing_needed(view, &position->directory)) {
      release(position);
      return 0;
    }
    listing_open(view, &position->directory, &position->listing);
    position->used = true;
    return position;
  }
  return 0;
}

/* Strikes out what is not to be told; returns the bytes left. */
static size_t filter(struct position *position, char *out, size_t size) {
  size_t kept = 0;
  for (size_t at = 0; at < size;) {
    struct dirent64 *record = (struct dirent64 *)(void *)(out + at);
    size_t length = record->d_reclen;
    if (listing_physical(position->view, &position->directory, &position->listing, record->d_name)) {
      memmove(out + kept, record, length);
      kept += length;
    }
    at += length;
  }
  return kept;
}

static size_t add_virtual(struct position *position, char *out, size_t size) {
  size_t used = 0;
  struct dirent64 record;
  for (;;) {
    uint32_t before = position->at;
    if (!listing_virtual(position->view, &position->directory, position->fd, &position->listing, &position->at,
                         &record))
      return used;
    if (used + record.d_reclen > size) {
      position->at = before;
      return used;
    }
    memcpy(out + used, &record, record.d_reclen);
    used += record.d_reclen;
  }
}

long vfs_getdents64(int fd, void *out, size_t size) {
  const struct view *view = view_current();
  struct stat st;
  long result;
  if (view == 0 || raw_fstat(fd, &st) != 0 || (st.st_mode & S_IFMT) != S_IFDIR)
    return raw3(__NR_getdents64, fd, (long)out, (long)size);
  struct position *position = hold(fd, st.st_ino);
  /* From the start again: a listing of what is there now. */
  if (position != 0 && raw3(__NR_lseek, fd, 0, 1) == 0) {
    drop(position);
    release(position);
    position = 0;
  }
  if (position == 0) position = make(view, fd, st.st_ino);
  if (position == 0) return raw3(__NR_getdents64, fd, (long)out, (long)size);
  do {
    result = raw3(__NR_getdents64, fd, (long)out, (long)size);
    position->view = listing_follow(position->view, fd, &position->directory, &position->listing);
    if (result <= 0) break;
    result = (long)filter(position, out, (size_t)result);
  } while (result == 0);
  /* At the end the position is kept: asked again, the answer is the end again. */
  if (result == 0) result = (long)add_virtual(position, out, size);
  release(position);
  return result;
}
