#include "fts.h"

#include "bytes.h"
#include "errno_slot.h"
#include "program_memory.h"
#include "vfs.h"

extern void *opendir(const char *path);
extern struct dirent64 *readdir(void *dir);
extern int closedir(void *dir);

struct fts_entry *fts_entry_make(const char *path, const char *name, struct fts_entry *parent, int level) {
  size_t path_size = text_length(path) + 1, name_size = text_length(name) + 1;
  if (path_size > UINT16_MAX) {
    set_errno(ENAMETOOLONG);
    return 0;
  }
  /* stat, entry with its name, path: the entry comes first, because a list is freed by its entries. */
  size_t named = (sizeof(struct fts_entry) + name_size + 15) & ~(size_t)15;
  struct fts_entry *entry = program_allocate(named + sizeof(struct stat) + path_size);
  if (entry == 0) return 0;
  memset(entry, 0, named + sizeof(struct stat));
  entry->st = (struct stat *)(void *)((char *)entry + named);
  entry->path = entry->access_path = (char *)entry + named + sizeof(struct stat);
  memcpy(entry->path, path, path_size);
  memcpy(entry->name, name, name_size);
  entry->path_length = (uint16_t)(path_size - 1);
  entry->name_length = (uint16_t)(name_size - 1);
  entry->link_descriptor = -1;
  entry->instruction = FTS_NOINSTR;
  entry->parent = parent;
  entry->level = (int16_t)level;
  return entry;
}

void fts_entry_shorten(struct fts_entry *entry) {
  char *last = entry->name + entry->name_length;
  while (last > entry->name && last[-1] != '/') last--;
  if (last == entry->name || (last == entry->name + 1 && *last == 0)) return;
  entry->name_length = (uint16_t)text_length(last);
  memmove(entry->name, last, entry->name_length + 1u);
}

static uint16_t kind_of(struct fts_entry *entry) {
  switch (entry->st->st_mode & S_IFMT) {
  case S_IFDIR:
    break;
  case S_IFLNK:
    return FTS_SL;
  case S_IFREG:
    return FTS_F;
  default:
    return FTS_DEFAULT;
  }
  if (text_equal(entry->name, ".") || text_equal(entry->name, "..")) return FTS_DOT;
  for (struct fts_entry *above = entry->parent; above != 0 && above->level >= 0; above = above->parent)
    if (above->inode == entry->inode && above->device == entry->device) {
      entry->cycle = above;
      return FTS_DC;
    }
  return FTS_D;
}

void fts_entry_stat(const struct fts *fts, struct fts_entry *entry, bool follow) {
  follow = follow || (fts->options & FTS_LOGICAL) != 0;
  long result = vfs_statat(AT_FDCWD, entry->path, entry->st, follow ? 0 : AT_SYMLINK_NOFOLLOW);
  if (result == 0) {
    entry->inode = entry->st->st_ino;
    entry->device = entry->st->st_dev;
    entry->links = entry->st->st_nlink;
    entry->info = kind_of(entry);
    return;
  }
  if (follow && vfs_statat(AT_FDCWD, entry->path, entry->st, AT_SYMLINK_NOFOLLOW) == 0) {
    entry->info = FTS_SLNONE;
    return;
  }
  entry->error = (int)-result;
  memset(entry->st, 0, sizeof *entry->st);
  entry->info = FTS_NS;
}

void fts_free_list(struct fts_entry *entry) {
  while (entry != 0) {
    struct fts_entry *next = entry->link;
    program_free(entry);
    entry = next;
  }
}

struct fts_entry *fts_sort(const struct fts *fts, struct fts_entry *first, size_t count) {
  void (*sort)(void *, size_t, size_t, comparer) = LIBC(void (*)(void *, size_t, size_t, comparer), "qsort");
  struct fts_entry **array = count > 1 && sort ? program_allocate(count * sizeof *array) : 0;
  /* As libc: without memory the order is the directory's. */
  if (array == 0) return first;
  size_t used = 0;
  for (struct fts_entry *entry = first; entry != 0; entry = entry->link) array[used++] = entry;
  sort(array, used, sizeof *array, fts->compare);
  for (size_t i = 0; i < used; i++) array[i]->link = i + 1 < used ? array[i + 1] : 0;
  first = array[0];
  program_free(array);
  return first;
}

static struct fts_entry *entry_below(struct fts_entry *directory, const char *name, bool *trouble) {
  char path[PATH_SIZE + NAME_LIMIT + 2];
  size_t length = directory->path_length;
  *trouble = true;
  if (length > PATH_SIZE) {
    set_errno(ENAMETOOLONG);
    return 0;
  }
  memcpy(path, directory->path, length);
  if (length == 0 || path[length - 1] != '/') path[length++] = '/';
  memcpy(path + length, name, text_length(name) + 1);
  struct fts_entry *entry = fts_entry_make(path, name, directory, directory->level + 1);
  *trouble = entry == 0;
  return entry;
}

struct fts_entry *fts_build(struct fts *fts, bool names_only) {
  struct fts_entry *directory = fts->current, *first = 0, **end = &first;
  int *error = __errno_location(), before = *error;
  size_t count = 0;
  const int unstated = FTS_NOSTAT | FTS_PHYSICAL;
  bool trouble = false, no_stat = (fts->options & unstated) == unstated;
  void *dir = opendir(directory->path);
  if (dir == 0) {
    if (!names_only) {
      directory->info = FTS_DNR;
      directory->error = *error;
    }
    return 0;
  }
  *error = 0;
  for (struct dirent64 *record; (record = readdir(dir)) != 0;) {
    const char *name = record->d_name;
    bool dot = text_equal(name, ".") || text_equal(name, "..");
    if (dot && (fts->options & FTS_SEEDOT) == 0) continue;
    struct fts_entry *entry = entry_below(directory, name, &trouble);
    if (entry == 0) break;
    bool no_directory = record->d_type != DT_DIR && record->d_type != DT_UNKNOWN;
    if (names_only || (no_stat && no_directory))
      entry->info = FTS_NSOK;
    else
      fts_entry_stat(fts, entry, false);
    *end = entry;
    end = &entry->link;
    count++;
  }
  int told = *error;
  closedir(dir);
  if (trouble) {
    fts_free_list(first);
    directory->info = FTS_ERR;
    directory->error = *error = told;
    fts->options |= FTS_STOP;
    return 0;
  }
  /* What could be read is told; the error comes with the directory's second visit. */
  if (told != 0) directory->error = told;
  *error = before;
  return fts->compare != 0 && count > 1 ? fts_sort(fts, first, count) : first;
}
