#include "own_changes.h"

#include "bytes.h"
#include "marks.h"

#define DIRECTORY_BUFFER 1024

static bool target_of_descriptor(const struct view *view, int fd, struct target *target) {
  long length = descriptor_path(fd, target->place.text);
  if (failed(length)) return false;
  place_from_text(view, &target->place, (size_t)length);
  target->place.slash = false;
  if (!target->place.inside || target->place.length == 0) return false;
  target->parent_hash = place_parent_hash(&target->place);
  return true;
}

void own_change_begin(const struct view *view, int fd, struct own_change *change) {
  change->marked = view != 0 && view->solid && target_of_descriptor(view, fd, &change->target);
  if (change->marked) target_begin(view, &change->target);
}

void own_change_end(const struct view *view, const struct own_change *change) {
  if (change->marked) target_end(view, &change->target);
}

static void inherited(const struct view *view, int fd) {
  struct target target;
  struct stat st;
  long flags = raw_fcntl(fd, F_GETFL, 0);
  if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY || (flags & O_PATH) != 0) return;
  if (raw_fstat(fd, &st) != 0 || (st.st_mode & S_IFMT) != S_IFREG || st.st_dev != view->root_dev) return;
  if (!target_of_descriptor(view, fd, &target)) return;
  target_begin(view, &target);
  target_end(view, &target);
}

void own_changes_inherited(const struct view *view) {
  char buffer[DIRECTORY_BUFFER] __attribute__((aligned(8)));
  int directory = (int)raw_openat(AT_FDCWD, "/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  if (directory < 0) {
    view_distrust();
    return;
  }
  for (;;) {
    long size = raw3(__NR_getdents64, directory, (long)buffer, sizeof buffer);
    if (size <= 0) break;
    for (long at = 0; at < size;) {
      const struct dirent64 *record = (const struct dirent64 *)(const void *)(buffer + at);
      const char *name = record->d_name;
      uint32_t fd;
      at += record->d_reclen;
      if (parse_number(&name, &fd) && *name == 0 && (int)fd != directory) inherited(view, (int)fd);
    }
  }
  raw_close(directory);
}

/* A line in one write: src/workspace/uninjected.ts reads it. False: nobody is told. */
static bool tell(const char *sign, int pid) {
  char path[PATH_SIZE], line[32];
  if (!view_run_path("uninjected", path)) return false;
  int fd = (int)raw_openat(AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) return false;
  char *end = append_text(append_decimal(append_text(line, sign), (uint64_t)pid), "\n");
  bool told = raw_write(fd, line, (size_t)(end - line)) == end - line;
  raw_close(fd);
  return told;
}

void uninjected_begins(const struct view *view, int pid) {
  /* A word in flight is never published, so that the kernel answers from now on even when nobody can be told. */
  if (tell("+", pid))
    mark_add(view, VRIFT_MARK_UNINJECTED, VRIFT_MARK_BEGIN + VRIFT_MARK_END);
  else
    mark_add(view, VRIFT_MARK_UNINJECTED, VRIFT_MARK_BEGIN);
}

void uninjected_ended(int pid) { tell("-", pid); }
