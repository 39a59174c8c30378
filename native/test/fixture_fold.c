#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fixture_tree.h"

static uint32_t find(const struct fixture *fixture, const char *key) {
  size_t length = strlen(key);
  return vrift_index_find(&fixture->index.view, (const uint8_t *)key, length,
                          vrift_path_hash((const uint8_t *)key, length));
}

/* By the hash of the key, which their names begin with, and by what is in them: a name may have a suffix. */
static bool whited_out(const struct fixture *fixture, const char *key) {
  const char *whiteouts = strdup(fixture_path(fixture->root, ".vrift/whiteouts"));
  DIR *dir = opendir(whiteouts);
  struct dirent *record;
  bool found = false;
  char begin[17];
  snprintf(begin, sizeof begin, "%016llx", (unsigned long long)vrift_path_hash((const uint8_t *)key, strlen(key)));
  while (dir && !found && (record = readdir(dir))) {
    char text[PATH_MAX] = "";
    if (strncmp(record->d_name, begin, 16) != 0) continue;
    FILE *in = fopen(fixture_path(whiteouts, record->d_name), "r");
    if (!in) continue;
    text[fread(text, 1, sizeof text - 1, in)] = 0;
    fclose(in);
    found = strcmp(text, key) == 0;
  }
  if (dir) closedir(dir);
  free((void *)whiteouts);
  return found;
}

static void insert_missing(struct fixture *fixture, const char *key, const struct stat *st) {
  struct vrift_index_value value;
  uint32_t entry;
  if (find(fixture, key) != VRIFT_NO_ENTRY) return;
  uint16_t flags = VRIFT_ENTRY_BACKED;
  if (S_ISDIR(st->st_mode)) flags |= VRIFT_ENTRY_DIR | VRIFT_ENTRY_COMPLETE;
  if (S_ISLNK(st->st_mode)) flags |= VRIFT_ENTRY_SYMLINK;
  if (fixture_is_kernel(key)) flags = VRIFT_ENTRY_KERNEL | (S_ISDIR(st->st_mode) ? VRIFT_ENTRY_DIR : 0);
  fixture_value(st, flags, &value);
  errno = vrift_writer_insert(&fixture->index, (const uint8_t *)key, strlen(key), &value, &entry);
  if (errno) fixture_die("insert", key);
}

static int deepest_first(const void *a, const void *b) { return strcmp(*(char *const *)b, *(char *const *)a); }

/* lstat that goes through no symbolic link. */
static bool physical(struct fixture *fixture, const char *key, struct stat *st) {
  char prefix[PATH_MAX];
  for (const char *slash = strchr(key, '/'); slash; slash = strchr(slash + 1, '/')) {
    snprintf(prefix, sizeof prefix, "%.*s", (int)(slash - key), key);
    if (lstat(fixture_path(fixture->root, prefix), st) != 0 || !S_ISDIR(st->st_mode)) return false;
  }
  return lstat(fixture_path(fixture->root, key), st) == 0;
}

static void fold_entry(struct fixture *fixture, const char *key) {
  struct stat st;
  struct vrift_index_value value;
  uint32_t number = find(fixture, key);
  const struct vrift_index_entry *entry = &fixture->index.entries[number];
  bool exists = physical(fixture, key, &st);
  bool is_virtual = (entry->flags & VRIFT_ENTRY_VIRTUAL) != 0;
  if (!exists && is_virtual && !whited_out(fixture, key)) return;
  bool same_kind = exists && (entry->mode & S_IFMT) == (st.st_mode & S_IFMT);
  if (!same_kind) {
    errno = vrift_writer_remove(&fixture->index, number);
  } else if (is_virtual) {
    fixture_value(&st, VRIFT_ENTRY_BACKED, &value);
    errno = vrift_writer_update(&fixture->index, number, &value);
  } else {
    errno = 0;
  }
  if (errno) fixture_die("fold", key);
}

void fixture_fold(struct fixture *fixture) {
  uint64_t *marks = malloc(8ul * VRIFT_MARK_COUNT);
  memcpy(marks, fixture->marks, 8ul * VRIFT_MARK_COUNT);
  uint32_t used = vrift_list_limit(&fixture->index.view), count = 0;
  char **keys = malloc(used * sizeof *keys);
  for (uint32_t i = 1; i < used; i++) {
    struct vrift_entry entry;
    if (vrift_entry_read(&fixture->index.view, i, &entry) != 0 || (entry.flags & VRIFT_ENTRY_FREE)) continue;
    keys[count++] = strndup((const char *)vrift_entry_key(&fixture->index.view, &entry), entry.key_length);
  }
  qsort(keys, count, sizeof *keys, deepest_first);
  for (uint32_t i = 0; i < count; i++) {
    fold_entry(fixture, keys[i]);
    free(keys[i]);
  }
  free(keys);
  fixture_walk(fixture, insert_missing);
  const char *whiteouts = strdup(fixture_path(fixture->root, ".vrift/whiteouts"));
  DIR *dir = opendir(whiteouts);
  struct dirent *record;
  while (dir && (record = readdir(dir)))
    if (record->d_name[0] != '.') unlink(fixture_path(whiteouts, record->d_name));
  if (dir) closedir(dir);
  free((void *)whiteouts);
  vrift_writer_publish_seen(&fixture->index, marks);
  free(marks);
}
