/* scandir on our own streams. The list and its records belong to the program: libc's malloc makes them. */
#include "bytes.h"
#include "errno_slot.h"
#include "program_memory.h"
#include "vfs.h"

extern void *opendir(const char *path);
extern void *fdopendir(int fd);
extern struct dirent64 *readdir(void *dir);
extern int closedir(void *dir);

typedef int (*chooser)(const struct dirent64 *);
typedef int (*comparer)(const void *, const void *);

struct list {
  struct dirent64 **items;
  size_t count, room;
};

static bool add(struct list *list, const struct dirent64 *record) {
  if (list->count == list->room) {
    size_t room = list->room == 0 ? 16 : list->room * 2;
    struct dirent64 **items = program_enlarge(list->items, room * sizeof *items);
    if (items == 0) return false;
    list->items = items;
    list->room = room;
  }
  size_t size = DIRENT_NAME_OFFSET + text_length(record->d_name) + 1;
  struct dirent64 *copy = program_allocate(size);
  if (copy == 0) return false;
  memcpy(copy, record, size);
  list->items[list->count++] = copy;
  return true;
}

static void drop(struct list *list) {
  for (size_t i = 0; i < list->count; i++) program_free(list->items[i]);
  program_free(list->items);
}

static int scan(void *dir, struct dirent64 ***out, chooser choose, comparer compare) {
  int *error = __errno_location(), before = *error;
  struct list list = {0, 0, 0};
  if (dir == 0) return -1;
  int trouble = 0;
  for (;;) {
    *error = 0;
    struct dirent64 *record = readdir(dir);
    if (record == 0) {
      trouble = *error;
      break;
    }
    if (choose != 0) {
      /* The program's function may leave anything in errno; that is not the directory's trouble. */
      int chosen = choose(record);
      if (chosen == 0) continue;
    }
    if (!add(&list, record)) {
      trouble = ENOMEM;
      break;
    }
  }
  closedir(dir);
  if (trouble != 0) {
    drop(&list);
    *error = trouble;
    return -1;
  }
  void (*sort)(void *, size_t, size_t, comparer) = LIBC(void (*)(void *, size_t, size_t, comparer), "qsort");
  if (compare != 0 && sort && list.count > 0) sort(list.items, list.count, sizeof *list.items, compare);
  *error = before;
  *out = list.items;
  return (int)list.count;
}

#define SCANDIR(name) \
  EXPORT int name(const char *path, struct dirent64 ***out, chooser choose, comparer compare) { \
    return scan(opendir(path), out, choose, compare); \
  }
SCANDIR(scandir)
SCANDIR(scandir64)

static void *open_at(int dirfd, const char *path) {
  long fd = vfs_openat(dirfd, path, O_RDONLY | O_NONBLOCK | O_DIRECTORY | O_CLOEXEC | O_LARGEFILE, 0);
  if (failed(fd)) {
    set_errno((int)-fd);
    return 0;
  }
  void *dir = fdopendir((int)fd);
  if (dir == 0) raw_close((int)fd);
  return dir;
}

#define SCANDIRAT(name) \
  EXPORT int name(int dirfd, const char *path, struct dirent64 ***out, chooser choose, comparer compare) { \
    return scan(open_at(dirfd, path), out, choose, compare); \
  }
SCANDIRAT(scandirat)
SCANDIRAT(scandirat64)
