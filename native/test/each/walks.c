#include <fts.h>
#include <ftw.h>

#include "each.h"

static int found;

static int see(const char *path, const struct stat *st, int kind) {
  if (strcmp(path, "./dir/inner") == 0 && kind == FTW_F && st->st_size == 6) found++;
  return 0;
}
static int see_placed(const char *path, const struct stat *st, int kind, struct FTW *place) {
  return place->level == 2 && strcmp(path + place->base, "inner") == 0 ? see(path, st, kind) : 0;
}
static int walks(void *call) {
  return ((int (*)(const char *, __ftw_func_t, int))call)(".", see, 8) == 0 && found == 1;
}
static int walks_placed(void *call) {
  return ((int (*)(const char *, __nftw_func_t, int, int))call)(".", see_placed, 8, FTW_PHYS) == 0 && found == 1;
}

static char *const here[] = {".", NULL};

static bool meets_inner(FTS *fts, FTSENT *(*read_one)(FTS *)) {
  FTSENT *entry;
  while (fts && (entry = read_one(fts)))
    if (strcmp(entry->fts_path, "./dir/inner") == 0 && entry->fts_info == FTS_F && entry->fts_statp->st_size == 6) return true;
  return false;
}
static int stream_opens(void *call) {
  typedef FTS *(*opener)(char *const *, int, int (*)(const FTSENT **, const FTSENT **));
  return meets_inner(((opener)call)(here, FTS_PHYSICAL, NULL), fts_read);
}
static int stream_reads(void *call) { return meets_inner(fts_open(here, FTS_PHYSICAL, NULL), (FTSENT * (*)(FTS *)) call); }
static int stream_children(void *call) {
  FTS *fts = fts_open(here, FTS_PHYSICAL, NULL);
  fts_read(fts);
  for (FTSENT *entry = ((FTSENT * (*)(FTS *, int)) call)(fts, 0); entry; entry = entry->fts_link)
    if (strcmp(entry->fts_name, "file") == 0) return entry->fts_statp->st_size == CONTENT_SIZE;
  return 0;
}
static int stream_closes(void *call) {
  FTS *fts = fts_open(here, FTS_PHYSICAL, NULL);
  fts_read(fts);
  return fts_read(fts) && ((int (*)(FTS *))call)(fts) == 0;
}

const struct row walk_rows[] = {
    {"ftw", walks},
    {"ftw64", walks},
    {"nftw", walks_placed},
    {"nftw64", walks_placed},
    {"fts_open", stream_opens},
    {"fts64_open", stream_opens},
    {"fts_read", stream_reads},
    {"fts64_read", stream_reads},
    {"fts_children", stream_children},
    {"fts64_children", stream_children},
    {"fts_close", stream_closes},
    {"fts64_close", stream_closes},
    {NULL, NULL},
};
