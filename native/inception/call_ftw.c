/*
 * ftw and nftw on our own streams: libc's walk by internal calls that see physical files only. Flags, order and what the
 * visitor is told are glibc's. The names of a directory are read before the first of them is visited, so that a walk holds
 * no descriptor open and may remove what it visits. A path longer than PATH_MAX is ENAMETOOLONG.
 */
#include "bytes.h"
#include "errno_slot.h"
#include "program_memory.h"
#include "vfs.h"
#include "view.h"

enum { FTW_F, FTW_D, FTW_DNR, FTW_NS, FTW_SL, FTW_DP, FTW_SLN };
enum { FTW_PHYS = 1, FTW_MOUNT = 2, FTW_CHDIR = 4, FTW_DEPTH = 8, FTW_ACTIONRETVAL = 16 };
enum { FTW_STOP = 1, FTW_SKIP_SUBTREE = 2, FTW_SKIP_SIBLINGS = 3 };

extern void *opendir(const char *path);
extern struct dirent64 *readdir(void *dir);
extern int closedir(void *dir);

struct FTW {
  int base, level;
};

typedef int (*visitor)(const char *, const struct stat *, int, struct FTW *);

struct seen {
  uint64_t device, inode;
};

struct walk {
  visitor visit;
  bool plain; /* ftw: knows neither links nor FTW_DP */
  int flags;
  struct FTW place;
  uint64_t device;
  struct seen *seen; /* directories, when links are followed */
  size_t seen_count, seen_room;
  char path[PATH_SIZE];
};

static int tell(struct walk *walk, const struct stat *st, int kind) {
  static const int of_ftw[] = {FTW_F, FTW_D, FTW_DNR, FTW_NS, FTW_F, FTW_D, FTW_NS};
  return walk->visit(walk->path, st, walk->plain ? of_ftw[kind] : kind, &walk->place);
}

/* What the walk calls its current path from where the process is. */
static const char *name_here(const struct walk *walk) {
  if ((walk->flags & FTW_CHDIR) == 0) return walk->path;
  const char *name = walk->path + walk->place.base;
  return *name != 0 ? name : ".";
}

static bool add_seen(struct walk *walk, const struct stat *st) {
  if (walk->seen_count == walk->seen_room) {
    size_t room = walk->seen_room == 0 ? 64 : walk->seen_room * 2;
    struct seen *more = program_enlarge(walk->seen, room * sizeof *more);
    if (more == 0) return false;
    walk->seen = more;
    walk->seen_room = room;
  }
  walk->seen[walk->seen_count++] = (struct seen){st->st_dev, st->st_ino};
  return true;
}

static bool was_seen(const struct walk *walk, const struct stat *st) {
  for (size_t i = 0; i < walk->seen_count; i++)
    if (walk->seen[i].inode == st->st_ino && walk->seen[i].device == st->st_dev) return true;
  return false;
}

/* All names but `.` and `..`, one after another, ended by an empty one; null with errno set. Closes the stream. */
static char *read_names(void *dir) {
  int *error = __errno_location(), before = *error;
  size_t used = 0, room = 4096;
  char *names = program_allocate(room);
  struct dirent64 *record;
  *error = 0;
  while (names != 0 && (record = readdir(dir)) != 0) {
    const char *name = record->d_name;
    size_t size = text_length(name) + 1;
    if (text_equal(name, ".") || text_equal(name, "..")) continue;
    if (used + size + 1 > room) {
      char *more = program_enlarge(names, room *= 2);
      if (more == 0) program_free(names);
      names = more;
    }
    if (names != 0) memcpy(names + used, name, size);
    used += size;
  }
  int trouble = *error;
  closedir(dir);
  if (names == 0) trouble = ENOMEM;
  *error = trouble != 0 ? trouble : before;
  if (trouble != 0) {
    program_free(names);
    return 0;
  }
  names[used] = 0;
  return names;
}

/* Changes into a directory: a descriptor of the one before, or -errno. `..` would not lead back through a link. */
static long enter(const char *path) {
  long before = raw_openat(AT_FDCWD, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  if (failed(before)) return before;
  long result = vfs_chdir(path);
  if (result == 0) return before;
  raw_close((int)before);
  return result;
}

static long leave(int before) {
  long result = vfs_fchdir(before);
  raw_close(before);
  return result;
}

static int walk_directory(struct walk *walk, const struct stat *st);

static int walk_name(struct walk *walk, const char *name) {
  size_t size = text_length(name) + 1;
  struct stat st;
  int kind;
  if ((size_t)walk->place.base + size > PATH_SIZE) return (int)answer(-ENAMETOOLONG);
  memcpy(walk->path + walk->place.base, name, size);
  bool physical = (walk->flags & FTW_PHYS) != 0;
  long result = vfs_statat(AT_FDCWD, name_here(walk), &st, physical ? AT_SYMLINK_NOFOLLOW : 0);
  if (result != 0 && result != -EACCES && result != -ENOENT) return (int)answer(result);
  if (result == 0) {
    unsigned type = st.st_mode & S_IFMT;
    kind = type == S_IFDIR ? FTW_D : type == S_IFLNK ? FTW_SL : FTW_F;
  } else {
    kind = FTW_NS;
    memset(&st, 0, sizeof st);
    if (!physical && vfs_statat(AT_FDCWD, name_here(walk), &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        (st.st_mode & S_IFMT) == S_IFLNK)
      kind = FTW_SLN;
  }
  if (kind != FTW_NS && (walk->flags & FTW_MOUNT) != 0 && st.st_dev != walk->device) return 0;
  int told;
  if (kind != FTW_D) {
    told = tell(walk, &st, kind);
  } else {
    if (!physical && was_seen(walk, &st)) return 0;
    if (!physical && !add_seen(walk, &st)) return -1;
    told = walk_directory(walk, &st);
  }
  return (walk->flags & FTW_ACTIONRETVAL) != 0 && told == FTW_SKIP_SUBTREE ? 0 : told;
}

static int walk_directory(struct walk *walk, const struct stat *st) {
  void *dir = opendir(name_here(walk));
  int result = 0;
  if (dir == 0) return *__errno_location() == EACCES ? tell(walk, st, FTW_DNR) : -1;
  if ((walk->flags & FTW_DEPTH) == 0) result = tell(walk, st, FTW_D);
  if (result != 0) {
    closedir(dir);
    return result;
  }
  /* Read after the visit, which may have made some of them. */
  char *names = read_names(dir);
  if (names == 0) return -1;
  long outer_directory = -1;
  if ((walk->flags & FTW_CHDIR) != 0) {
    outer_directory = enter(name_here(walk));
    if (failed(outer_directory)) {
      program_free(names);
      return (int)answer(outer_directory);
    }
  }
  struct FTW outer = walk->place;
  size_t length = text_length(walk->path);
  if (length + 1 < PATH_SIZE && (length == 0 || walk->path[length - 1] != '/')) walk->path[length++] = '/';
  walk->path[length] = 0;
  walk->place.base = (int)length;
  walk->place.level++;
  for (const char *name = names; result == 0 && *name != 0; name += text_length(name) + 1)
    result = walk_name(walk, name);
  program_free(names);
  bool verdicts = (walk->flags & FTW_ACTIONRETVAL) != 0;
  if (verdicts && result == FTW_SKIP_SIBLINGS) result = 0;
  walk->path[length > 1 ? length - 1 : 1] = 0;
  walk->place = outer;
  /* As glibc has it, told from inside the directory with FTW_CHDIR. */
  if (result == 0 && (walk->flags & FTW_DEPTH) != 0) result = tell(walk, st, FTW_DP);
  if (outer_directory >= 0) {
    long back = leave((int)outer_directory);
    if (back != 0 && result == 0) result = (int)answer(back);
  }
  return result;
}

/* FTW_CHDIR: into the directory the first name is in; as `enter`. */
static long enter_parent(struct walk *walk) {
  int base = walk->place.base;
  char kept = walk->path[base];
  walk->path[base] = 0;
  long result = enter(base == 0 ? "." : walk->path);
  walk->path[base] = kept;
  return result;
}

static int walk_from_top(struct walk *walk) {
  struct stat st;
  bool physical = (walk->flags & FTW_PHYS) != 0;
  long result = vfs_statat(AT_FDCWD, name_here(walk), &st, physical ? AT_SYMLINK_NOFOLLOW : 0);
  if (result != 0) {
    bool dangling = !physical && result == -ENOENT &&
                    vfs_statat(AT_FDCWD, name_here(walk), &st, AT_SYMLINK_NOFOLLOW) == 0 &&
                    (st.st_mode & S_IFMT) == S_IFLNK;
    return dangling ? tell(walk, &st, FTW_SLN) : (int)answer(result);
  }
  if ((st.st_mode & S_IFMT) != S_IFDIR) return tell(walk, &st, (st.st_mode & S_IFMT) == S_IFLNK ? FTW_SL : FTW_F);
  walk->device = st.st_dev;
  if (!physical && !add_seen(walk, &st)) return -1;
  return walk_directory(walk, &st);
}

static int run(const char *path, visitor visit, int flags, bool plain) {
  struct walk walk;
  size_t length = text_length(path);
  if (length == 0) return (int)answer(-ENOENT);
  if (length >= PATH_SIZE) return (int)answer(-ENAMETOOLONG);
  memcpy(walk.path, path, length + 1);
  while (length > 1 && walk.path[length - 1] == '/') walk.path[--length] = 0;
  walk.visit = visit;
  walk.plain = plain;
  walk.flags = flags;
  walk.seen = 0;
  walk.seen_count = walk.seen_room = 0;
  walk.place.level = 0;
  walk.place.base = (int)length;
  while (walk.place.base > 0 && walk.path[walk.place.base - 1] != '/') walk.place.base--;
  long before = (flags & FTW_CHDIR) != 0 ? enter_parent(&walk) : -1;
  bool entered = before >= 0, barred = (flags & FTW_CHDIR) != 0 && !entered;
  int result = barred ? (int)answer(before) : walk_from_top(&walk);
  if ((flags & FTW_ACTIONRETVAL) != 0 && (result == FTW_SKIP_SUBTREE || result == FTW_SKIP_SIBLINGS)) result = 0;
  int *error = __errno_location(), kept = *error;
  if (entered) leave((int)before);
  program_free(walk.seen);
  *error = kept;
  return result;
}

#define NFTW(name) \
  EXPORT int name(const char *path, visitor visit, int descriptors, int flags) { \
    typedef int (*walker)(const char *, visitor, int, int); \
    walker real = LIBC(walker, #name); \
    if (real && (view_current() == 0 || (flags & ~31) != 0)) return real(path, visit, descriptors, flags); \
    return run(path, visit, flags, false); \
  }
NFTW(nftw)
NFTW(nftw64)

#define FTW(name) \
  EXPORT int name(const char *path, visitor visit, int descriptors) { \
    typedef int (*walker)(const char *, visitor, int); \
    walker real = LIBC(walker, #name); \
    if (real && view_current() == 0) return real(path, visit, descriptors); \
    return run(path, visit, 0, true); \
  }
FTW(ftw)
FTW(ftw64)
