#include "swap.h"

#include "blob.h"
#include "bytes.h"
#include "descriptors.h"
#include "hydrate.h"
#include "target.h"

#define SEEK_SET 0
#define SEEK_CUR 1
/* Of F_GETFL: what open takes again. */
#define STATUS_FLAGS (O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME | O_SYNC | O_LARGEFILE)

long swap_path(const struct view *view, const struct vrift_entry *entry, char *out) {
  struct target target;
  if (!place_from_entry(view, entry, &target.place)) return -ENAMETOOLONG;
  target.parent_hash = place_parent_hash(&target.place);
  target_begin(view, &target);
  long result = hydrate(view, &target.place);
  target_end(view, &target);
  if (result != 0) return result;
  memcpy(out, target.place.text, text_length(target.place.text) + 1);
  return raw_faccessat2(AT_FDCWD, out, 0, AT_SYMLINK_NOFOLLOW);
}

static long reopen(const struct view *view, int blob, struct vrift_entry *entry, bool named, int flags) {
  char path[PATH_SIZE];
  long result = named ? swap_path(view, entry, path) : -ENOENT;
  if (result == 0) return raw_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC | flags, 0);
  if (result != -ENOENT) return result;
  /* Removed since it was opened: the descriptor becomes a file without a name, as it would be. */
  long length = descriptor_path(blob, path);
  if (failed(length) || !blob_parse(view, path, (size_t)length, entry->content_hash, &entry->size)) return -EIO;
  long writable = hydrate_nameless(view, entry);
  if (writable < 0) return writable;
  *append_decimal(append_text(path, "/proc/self/fd/"), (uint64_t)writable) = 0;
  long fd = raw_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC | flags, 0);
  raw_close((int)writable);
  return fd;
}

long swap_descriptor(const struct view *view, int fd) {
  struct vrift_entry entry;
  bool named;
  if (!descriptor_file(view, fd, &entry, &named)) return 0;
  long status = raw_fcntl(fd, F_GETFL, 0), descriptor = raw_fcntl(fd, F_GETFD, 0);
  if (status < 0 || descriptor < 0) return -EBADF;
  if ((status & O_PATH) != 0) return -EBADF;
  long at = raw3(__NR_lseek, fd, 0, SEEK_CUR);
  long fresh = reopen(view, fd, &entry, named, (int)status & STATUS_FLAGS);
  if (fresh < 0) return fresh;
  if (at > 0) raw3(__NR_lseek, fresh, at, SEEK_SET);
  long result = raw3(__NR_dup3, fresh, fd, (descriptor & FD_CLOEXEC) != 0 ? O_CLOEXEC : 0);
  raw_close((int)fresh);
  if (result < 0) return result;
  descriptor_forget(fd);
  return 0;
}
