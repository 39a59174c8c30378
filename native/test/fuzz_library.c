/* What the injected library does with a damaged index and damaged marks, in the calls that read and in those that mark. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../inception/bytes.h"
#include "../inception/cwd.h"
#include "../inception/listing.h"
#include "../inception/look.h"
#include "../inception/subtree.h"
#include "../inception/vfs.h"
#include "../inception/view.h"
#include "fuzz.h"

static char root[64];

/* The skeleton is there, as in any phantom tree; the files are not. */
static void make_tree(void) {
  char path[128];
  snprintf(root, sizeof root, "/tmp/vrift-fuzz-tree-XXXXXX");
  if (!mkdtemp(root)) exit(2);
  for (int i = 0; i < FUZZ_DIRECTORIES; i++) {
    snprintf(path, sizeof path, "%s/d%d", root, i);
    raw2(__NR_mkdir, (long)path, 0700);
  }
}

static void remove_tree(void) {
  char path[128];
  for (int i = 0; i < FUZZ_DIRECTORIES; i++) {
    snprintf(path, sizeof path, "%s/d%d", root, i);
    raw1(__NR_rmdir, (long)path);
  }
  raw1(__NR_rmdir, (long)root);
}

static void list(const char *path) {
  char buffer[4096];
  int fd = (int)vfs_openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0);
  if (fd < 0) return;
  /* A damaged list may be a circle; it ends all the same. */
  for (int i = 0; vfs_getdents64(fd, buffer, sizeof buffer) > 0; i++)
    if (i > 10000) abort();
  raw_close(fd);
}

static void mark_below(const struct view *view, const char *path) {
  struct place place;
  struct subtree subtree;
  if (place_physical(view, AT_FDCWD, path, FOLLOW_NEVER, &place) != 0 || !place.inside) return;
  if (subtree_open(view, &place, &subtree) != 0) return;
  subtree_add_destination(view, &place, &place, &subtree);
  subtree_begin(view, &subtree);
  subtree_end(view, &subtree);
  subtree_close(&subtree);
  fuzz_touch(&(bool){subtree_shows_file(view, &place)}, sizeof(bool));
}

static void use(const struct view *view) {
  char key[FUZZ_KEY_SIZE], path[512];
  struct stat st;
  struct statx stx;
  for (int i = 0; i < FUZZ_DIRECTORIES + FUZZ_FILES + 3; i++) {
    fuzz_key(i, key);
    snprintf(path, sizeof path, "%s/%s%s", root, key, i % 7 == 6 ? "/below" : "");
    if (vfs_statat(AT_FDCWD, path, &st, 0) == 0) fuzz_touch(&st, sizeof st);
    if (i % 4 == 0) vfs_statx(AT_FDCWD, path, 0, STATX_BASIC_STATS, &stx);
    vfs_accessat(AT_FDCWD, path, 4, 0);
    vfs_readlinkat(AT_FDCWD, path, key, sizeof key);
    int fd = (int)vfs_openat(AT_FDCWD, path, O_RDONLY, 0);
    if (fd < 0) continue;
    vfs_fstat(fd, &st);
    raw_close(fd);
  }
  snprintf(path, sizeof path, "%s//d1/./../d2/file7", root);
  vfs_statat(AT_FDCWD, path, &st, 0);
  list(root);
  mark_below(view, root);
  for (int i = 0; i < FUZZ_DIRECTORIES; i++) {
    snprintf(path, sizeof path, "%s/d%d", root, i);
    list(path);
    mark_below(view, path);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct fuzz_case damaged;
  static struct view view;
  if (!root[0]) {
    make_tree();
    atexit(remove_tree);
    cwd_start();
  }
  fuzz_damage(data, size, root, &damaged);
  memset(&view, 0, sizeof view);
  if (vrift_index_validate(damaged.index, damaged.size, &view.index) == 0) {
    struct stat st;
    raw_statat(AT_FDCWD, root, &st, 0);
    const struct vrift_index_header *header = view.index.header;
    view.marks = damaged.marks;
    view.root = vrift_index_root(&view.index);
    view.source = vrift_index_source(&view.index);
    view.root_length = header->root_length;
    view.source_length = header->source_length;
    view.root_dev = st.st_dev;
    view.source_dev = header->source_dev;
    view_now = &view;
    use(&view);
    view_now = 0;
  }
  fuzz_free(&damaged);
  return 0;
}
