#include "descriptor_names.h"

#include "bytes.h"
#include "descriptors.h"

static int number_at(const char *text) {
  uint32_t fd;
  return parse_number(&text, &fd) && *text == 0 ? (int)fd : -1;
}

int descriptor_named(const char *path) {
  if (text_starts(path, "/dev/")) {
    path += 5;
    if (text_starts(path, "fd/")) return number_at(path + 3);
    if (text_equal(path, "stdin")) return 0;
    if (text_equal(path, "stdout")) return 1;
    if (text_equal(path, "stderr")) return 2;
    return -1;
  }
  if (!text_starts(path, "/proc/")) return -1;
  path += 6;
  uint32_t pid;
  if (text_starts(path, "self"))
    path += 4;
  else if (text_starts(path, "thread-self"))
    path += 11;
  else if (!parse_number(&path, &pid) || (int)pid != raw_getpid())
    return -1;
  return text_starts(path, "/fd/") ? number_at(path + 4) : -1;
}

bool blob_behind(const struct view *view, const char *path, const struct stat *st, struct vrift_entry *entry) {
  int fd = descriptor_named(path);
  return fd >= 0 && descriptor_entry(view, fd, st, entry);
}
