/*
 * ftw, nftw and fts with every flag, in the working directory: what a visitor is told, sorted by line where the order is the
 * directory's. Prints the same in a plain tree and in a phantom one.
 */
#include <errno.h>
#include <fts.h>
#include <ftw.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINES 1000

static char *lines[LINES];
static int count;

static void line(const char *format, ...) {
  va_list rest;
  va_start(rest, format);
  if (count < LINES && vasprintf(&lines[count], format, rest) >= 0) count++;
  va_end(rest);
}

static int by_text(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static void print(const char *what, int result) {
  printf("%s: %d %s\n", what, result, result == -1 ? strerrorname_np(errno) : "");
  qsort(lines, (size_t)count, sizeof *lines, by_text);
  for (int i = 0; i < count; i++) {
    printf("  %s\n", lines[i]);
    free(lines[i]);
  }
  count = 0;
  char here[PATH_MAX];
  printf("  in %s\n", getcwd(here, sizeof here) ? strrchr(here, '/') : "nowhere");
}

static long size_of(const struct stat *st) { return S_ISREG(st->st_mode) ? (long)st->st_size : -1; }

static int tell(const char *path, const struct stat *st, int kind) {
  line("%s kind %d size %ld", path, kind, kind == FTW_NS ? 0 : size_of(st));
  return 0;
}

static int changes_directory, verdict_on_sub, made;

static int tell_placed(const char *path, const struct stat *st, int kind, struct FTW *place) {
  struct stat again;
  int agrees = kind == FTW_NS || lstat(changes_directory && place->base > 0 ? path + place->base : path, &again) == 0;
  line("%s kind %d base %d level %d size %ld %d", path, kind, place->base, place->level, kind == FTW_NS ? 0 : size_of(st),
       agrees);
  if (made && kind == FTW_D && strcmp(path + place->base, "sub") == 0) fclose(fopen("sub/made", "w"));
  if (verdict_on_sub && strcmp(path + place->base, "sub") == 0) return verdict_on_sub;
  return 0;
}

static int remove_all(const char *path, const struct stat *st, int kind, struct FTW *place) {
  (void)st;
  (void)place;
  return kind == FTW_DP ? rmdir(path) : unlink(path);
}

static int stop_at_leaf(const char *path, const struct stat *st, int kind) {
  (void)st;
  (void)kind;
  return strstr(path, "leaf") ? 42 : 0;
}

static void walks(void) {
  static const char *const starts[] = {".", "sub", "sub/", "file", "link", "dlink", "dangling", "nothing", "", "file/x", "./sub//deep"};
  static const int flags[] = {0, FTW_PHYS, FTW_DEPTH, FTW_DEPTH | FTW_PHYS, FTW_MOUNT | FTW_PHYS, FTW_CHDIR | FTW_PHYS,
                              FTW_CHDIR, FTW_CHDIR | FTW_DEPTH | FTW_PHYS, FTW_ACTIONRETVAL | FTW_PHYS};
  char what[PATH_MAX];
  for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
    snprintf(what, sizeof what, "ftw %s", starts[i]);
    print(what, ftw(starts[i], tell, 5));
    for (size_t k = 0; k < sizeof flags / sizeof *flags; k++) {
      snprintf(what, sizeof what, "nftw %s %d", starts[i], flags[k]);
      changes_directory = flags[k] & FTW_CHDIR;
      print(what, nftw(starts[i], tell_placed, 5, flags[k]));
    }
  }
  changes_directory = 0;
  verdict_on_sub = FTW_SKIP_SUBTREE;
  print("skip a subtree", nftw(".", tell_placed, 5, FTW_PHYS | FTW_ACTIONRETVAL));
  verdict_on_sub = 0;
  print("a flag that is none", nftw(".", tell_placed, 5, 1024));
  print("stopped", ftw("sub", stop_at_leaf, 5) == 42);
  made = 1;
  print("made by the visitor", nftw(".", tell_placed, 5, FTW_PHYS));
}

static int by_name(const FTSENT **a, const FTSENT **b) { return strcmp((*a)->fts_name, (*b)->fts_name); }

static void stream(const char *what, char *const *paths, int options) {
  printf("fts %s %x\n", what, options);
  FTS *fts = fts_open(paths, options, by_name);
  if (!fts) {
    printf("  %s\n", strerrorname_np(errno));
    return;
  }
  FTSENT *entry;
  while ((entry = fts_read(fts))) {
    struct stat st;
    int info = entry->fts_info;
    printf("  %s %s info %d level %d length %d %d parent %s", entry->fts_path, entry->fts_name, info, entry->fts_level,
           (int)strlen(entry->fts_path) == entry->fts_pathlen, entry->fts_namelen, entry->fts_parent->fts_name);
    if (info == FTS_F && !(options & FTS_NOSTAT)) printf(" size %ld", (long)entry->fts_statp->st_size);
    if (info == FTS_NS || info == FTS_DNR || info == FTS_ERR) printf(" %s", strerrorname_np(entry->fts_errno));
    if (info == FTS_DC) printf(" as %s", entry->fts_cycle->fts_name);
    printf(" %d\n", lstat(entry->fts_accpath, &st));
    if (entry->fts_info == FTS_D && strcmp(entry->fts_name, "skipped") == 0) fts_set(fts, entry, FTS_SKIP);
    if (entry->fts_info == FTS_SL && strcmp(entry->fts_name, "dlink") == 0) fts_set(fts, entry, FTS_FOLLOW);
    if (entry->fts_info == FTS_D && entry->fts_number++ == 0 && strcmp(entry->fts_name, "deep") == 0) fts_set(fts, entry, FTS_AGAIN);
    if (entry->fts_info == FTS_D && strcmp(entry->fts_name, "sub") == 0)
      for (FTSENT *child = fts_children(fts, options & FTS_SEEDOT ? FTS_NAMEONLY : 0); child; child = child->fts_link)
        printf("    child %s\n", child->fts_name);
  }
  printf("  end %d, closed %d\n", errno, fts_close(fts));
}

static void streams(void) {
  static char *const dot[] = {".", NULL}, *const several[] = {"sub/deep/", "file", "dlink", "nothing", "sub", NULL},
                     *const empty[] = {"", NULL}, *const slash[] = {"sub/", NULL};
  static const int options[] = {FTS_PHYSICAL, FTS_LOGICAL, FTS_PHYSICAL | FTS_NOCHDIR, FTS_PHYSICAL | FTS_SEEDOT,
                                FTS_PHYSICAL | FTS_XDEV, FTS_PHYSICAL | FTS_COMFOLLOW, FTS_PHYSICAL | FTS_NOSTAT};
  for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
    stream("dot", dot, options[i]);
    stream("several", several, options[i]);
    stream("slash", slash, options[i]);
    stream("empty", empty, options[i]);
  }
  stream("a wrong option", dot, 0x4000);
  FTS *fts = fts_open(dot, FTS_PHYSICAL, by_name);
  for (FTSENT *first = fts_children(fts, 0); first; first = first->fts_link) printf("first %s\n", first->fts_name);
  for (int i = 0; i < 6; i++) fts_read(fts);
  printf("closed in the middle %d\n", fts_close(fts));
}

int main(void) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  streams();
  walks();
  printf("removed %d\n", nftw("sub", remove_all, 5, FTW_DEPTH | FTW_PHYS));
  printf("gone %d\n", access("sub", F_OK));
  return 0;
}
