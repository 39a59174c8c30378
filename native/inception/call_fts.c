/*
 * fts on our own streams: libc's walks by internal calls that see physical files only. Structures and rules are fts(3)'s; the
 * walk never changes the working directory, as with FTS_NOCHDIR, and every entry has its path to itself. A stream that was
 * opened while there was no view is libc's until it is closed.
 */
#include "fts.h"

#include "bytes.h"
#include "cwd.h"
#include "errno_slot.h"
#include "program_memory.h"
#include "view.h"

static struct fts_entry *first_of(const char *path, comparer compare, struct fts *fts) {
  if (*path == 0) {
    set_errno(ENOENT);
    return 0;
  }
  struct fts_entry *entry = fts_entry_make(path, path, 0, 0);
  if (entry == 0) return 0;
  fts_entry_stat(fts, entry, (fts->options & FTS_COMFOLLOW) != 0);
  if (entry->info == FTS_DOT) entry->info = FTS_D;
  /* Told by its last component, sorted by what the program called it. */
  if (compare == 0) fts_entry_shorten(entry);
  return entry;
}

static struct fts *fts_make(char *const *paths, int options, comparer compare) {
  struct fts_allocation *memory = program_allocate(sizeof *memory);
  if (memory == 0) return 0;
  memset(memory, 0, sizeof *memory);
  struct fts *fts = &memory->fts;
  fts->options = options | FTS_NOCHDIR | FTS_OURS;
  fts->compare = compare;
  fts->root_descriptor = -1;
  struct fts_entry *parent = fts_entry_make("", "", 0, -1);
  struct fts_entry *first = 0, **end = &first;
  size_t count = 0;
  bool whole = parent != 0;
  for (; whole && *paths != 0; paths++, count++) {
    struct fts_entry *entry = first_of(*paths, compare, fts);
    whole = entry != 0;
    if (!whole) break;
    entry->parent = parent;
    *end = entry;
    end = &entry->link;
  }
  if (whole && compare != 0) {
    first = fts_sort(fts, first, count);
    for (struct fts_entry *entry = first; entry != 0; entry = entry->link) fts_entry_shorten(entry);
  }
  fts->current = whole ? fts_entry_make("", "", parent, 0) : 0;
  if (fts->current == 0) {
    fts_free_list(first);
    program_free(parent);
    program_free(memory);
    return 0;
  }
  fts->current->info = FTS_INIT;
  fts->current->link = first;
  return fts;
}

/* The next one when `entry` and all below it are done. */
static struct fts_entry *step(struct fts *fts, struct fts_entry *entry) {
  for (;;) {
    struct fts_entry *done = entry;
    entry = done->link;
    if (entry == 0) {
      entry = done->parent;
      program_free(done);
      if (entry->level < 0) {
        program_free(entry);
        fts->current = 0;
        set_errno(0);
        return 0;
      }
      entry->info = entry->error != 0 ? FTS_ERR : FTS_DP;
      return fts->current = entry;
    }
    program_free(done);
    fts->current = entry;
    if (entry->level == 0) {
      fts->device = entry->device;
      return entry;
    }
    if (entry->instruction == FTS_SKIP) continue;
    if (entry->instruction == FTS_FOLLOW) {
      fts_entry_stat(fts, entry, true);
      entry->instruction = FTS_NOINSTR;
    }
    return entry;
  }
}

static struct fts_entry *next(struct fts *fts) {
  struct fts_entry *entry = fts->current;
  if (entry == 0 || (fts->options & FTS_STOP) != 0) return 0;
  int instruction = entry->instruction;
  entry->instruction = FTS_NOINSTR;
  if (instruction == FTS_AGAIN) {
    fts_entry_stat(fts, entry, false);
    return entry;
  }
  if (instruction == FTS_FOLLOW && (entry->info == FTS_SL || entry->info == FTS_SLNONE)) {
    fts_entry_stat(fts, entry, true);
    return entry;
  }
  if (entry->info != FTS_D) return step(fts, entry);
  bool other_device = (fts->options & FTS_XDEV) != 0 && entry->device != fts->device;
  if (instruction == FTS_SKIP || other_device) {
    fts_free_list(fts->child);
    fts->child = 0;
    entry->info = FTS_DP;
    return entry;
  }
  if (fts->child != 0 && (fts->options & FTS_NAMEONLY) != 0) {
    fts->options &= ~FTS_NAMEONLY;
    fts_free_list(fts->child);
    fts->child = 0;
  }
  struct fts_entry *child = fts->child != 0 ? fts->child : fts_build(fts, false);
  fts->child = 0;
  if (child == 0) {
    if ((fts->options & FTS_STOP) != 0) return 0;
    if (entry->info == FTS_D) entry->info = FTS_DP;
    return entry;
  }
  return fts->current = child;
}

static struct fts_entry *children(struct fts *fts, int instruction) {
  struct fts_entry *entry = fts->current;
  if (instruction != 0 && instruction != FTS_NAMEONLY) {
    set_errno(EINVAL);
    return 0;
  }
  set_errno(0);
  if (entry == 0 || (fts->options & FTS_STOP) != 0) return 0;
  if (entry->info == FTS_INIT) return entry->link;
  if (entry->info != FTS_D) return 0;
  fts_free_list(fts->child);
  if (instruction == FTS_NAMEONLY)
    fts->options |= FTS_NAMEONLY;
  else
    fts->options &= ~FTS_NAMEONLY;
  return fts->child = fts_build(fts, instruction == FTS_NAMEONLY);
}

static int end(struct fts *fts) {
  /* What was told last hangs between its siblings to come and its parents, each with theirs. */
  for (struct fts_entry *entry = fts->current; entry != 0;) {
    struct fts_entry *parent = entry->level >= 0 ? entry->parent : 0;
    fts_free_list(entry);
    entry = parent;
  }
  fts_free_list(fts->child);
  program_free(allocation_of(fts));
  return 0;
}

#define FTS_OPEN(name) \
  EXPORT void *name(char *const *paths, int options, comparer compare) { \
    typedef void *(*opener)(char *const *, int, comparer); \
    opener real = LIBC(opener, #name); \
    if (real && (view_current() == 0 || (options & ~FTS_OPTION_MASK) != 0)) return real(paths, options, compare); \
    return fts_make(paths, options, compare); \
  }
FTS_OPEN(fts_open)
FTS_OPEN(fts64_open)

/* libc's own may change the working directory. */
#define FTS_READ(name) \
  EXPORT void *name(struct fts *fts) { \
    if ((fts->options & FTS_OURS) != 0) return next(fts); \
    void *(*real)(void *) = LIBC(void *(*)(void *), #name); \
    void *result = real ? real(fts) : 0; \
    cwd_changed(); \
    return result; \
  }
FTS_READ(fts_read)
FTS_READ(fts64_read)

#define FTS_CHILDREN(name) \
  EXPORT void *name(struct fts *fts, int instruction) { \
    if ((fts->options & FTS_OURS) != 0) return children(fts, instruction); \
    void *(*real)(void *, int) = LIBC(void *(*)(void *, int), #name); \
    void *result = real ? real(fts, instruction) : 0; \
    cwd_changed(); \
    return result; \
  }
FTS_CHILDREN(fts_children)
FTS_CHILDREN(fts64_children)

#define FTS_CLOSE(name) \
  EXPORT int name(struct fts *fts) { \
    if ((fts->options & FTS_OURS) != 0) return end(fts); \
    int (*real)(void *) = LIBC(int (*)(void *), #name); \
    int result = real ? real(fts) : (int)answer(-ENOSYS); \
    cwd_changed(); \
    return result; \
  }
FTS_CLOSE(fts_close)
FTS_CLOSE(fts64_close)
