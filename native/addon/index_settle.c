/*
 * Which entries of a solid tree say exactly what stat says (docs/solid.md). Only here EXACT is set, after a statx of the name.
 *
 * It may be set at any moment, also while the word of the name is not clean: whatever changes a name moves its mark first or, from
 * outside, a moment later, so that a value from before a change is believed by nobody once the change can be known of.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "index_handle.h"

#define STATX_BIRTH (STATX_BASIC_STATS | STATX_BTIME)
/* Those of linux/magic.h and its sources that older headers lack. */
#define MAGIC_XFS 0x58465342
#define MAGIC_ZFS 0x2fc12fc1
#define MAGIC_BCACHEFS 0xca451a4e

/* --- what is true of the mount --------------------------------------------------------------------------------------- */

/* Every change of a file is told by inotify on this machine, and names are compared byte by byte. */
static bool is_local(const struct statfs *status) {
  switch ((uint32_t)status->f_type) {
    case EXT4_SUPER_MAGIC: /* ext2 and ext3, too */
    case BTRFS_SUPER_MAGIC:
    case F2FS_SUPER_MAGIC:
    case TMPFS_MAGIC:
    case OVERLAYFS_SUPER_MAGIC:
    case MAGIC_XFS:
    case MAGIC_ZFS:
    case MAGIC_BCACHEFS: return true;
    default: return false;
  }
}

static uint32_t access_rule(const struct statfs *status) {
  if ((status->f_flags & (ST_RDONLY | ST_NOATIME)) != 0) return VRIFT_ACCESS_FIXED;
  return (status->f_flags & ST_RELATIME) != 0 ? VRIFT_ACCESS_RELATIVE : VRIFT_ACCESS_MOVES;
}

static int learn(struct vrift_index_writer *writer, bool *local) {
  struct vrift_index_header facts = {.access_floor_ns = writer->header->access_floor_ns};
  struct statx basic, birth;
  struct statfs status;
  struct stat namespace;
  const char *root = vrift_index_root(&writer->view);
  if (statfs(root, &status) != 0) return errno;
  *local = is_local(&status);
  facts.access_rule = access_rule(&status);
  /* Without any of them (an old kernel, no /proc) masks and namespace stay 0: nothing is answered. */
  if (statx(AT_FDCWD, root, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &basic) == 0 &&
      statx(AT_FDCWD, root, AT_SYMLINK_NOFOLLOW, STATX_BIRTH, &birth) == 0 && stat("/proc/self/ns/mnt", &namespace) == 0 &&
      basic.stx_blksize == birth.stx_blksize && basic.stx_mnt_id == birth.stx_mnt_id &&
      (basic.stx_mask & STATX_BASIC_STATS) == STATX_BASIC_STATS) {
    facts.block_size = basic.stx_blksize;
    facts.basic_mask = basic.stx_mask;
    facts.birth_mask = birth.stx_mask;
    facts.attributes_mask = birth.stx_attributes_mask;
    facts.mount_id = birth.stx_mnt_id;
    facts.mount_namespace = namespace.st_ino;
  }
  vrift_writer_set_facts(writer, &facts);
  return 0;
}

napi_value vrift_js_index_learn(napi_env env, napi_callback_info info) {
  napi_value argument;
  bool local;
  if (!vrift_arguments(env, info, 1, &argument)) return NULL;
  struct vrift_index_handle *handle = vrift_index_handle_argument(env, argument);
  if (!handle) return NULL;
  int error = learn(&handle->writer, &local);
  return error ? vrift_throw(env, error, "statfs", vrift_index_root(&handle->writer.view)) : vrift_bool(env, local);
}

/* --- entries -------------------------------------------------------------------------------------------------------- */

/* What could ever be EXACT: a physical name, not the root, which has no tag. */
static const struct vrift_index_entry *candidate(const struct vrift_index_writer *writer, uint32_t number) {
  const struct vrift_index_entry *entry = &writer->entries[number];
  if (number == 0 || entry->seq == 0) return NULL;
  const uint16_t kind = VRIFT_ENTRY_FREE | VRIFT_ENTRY_BACKED | VRIFT_ENTRY_VIRTUAL | VRIFT_ENTRY_KERNEL;
  return (entry->flags & kind) == VRIFT_ENTRY_BACKED ? entry : NULL;
}

static const uint8_t *key_of(const struct vrift_index_writer *writer, const struct vrift_index_entry *entry) {
  return entry->key_length <= VRIFT_INLINE_KEY_SIZE ? entry->inline_key
                                                    : vrift_pool_key(&writer->view, entry->inline_key, entry->key_length);
}

static bool key_text(const struct vrift_index_writer *writer, const struct vrift_index_entry *entry, char *out) {
  const uint8_t *key = key_of(writer, entry);
  if (!key || entry->key_length >= VRIFT_INDEX_PATH_MAX) return false;
  memcpy(out, key, entry->key_length);
  out[entry->key_length] = 0;
  return true;
}

static int64_t nanoseconds(struct statx_timestamp time) { return time.tv_sec * 1000000000 + time.tv_nsec; }

/* The stamp that the manifest has of it. */
static bool agrees(const struct vrift_index_entry *entry, const struct statx *now) {
  return entry->mode == now->stx_mode && entry->ino == now->stx_ino && entry->size == now->stx_size &&
         entry->mtime_ns == nanoseconds(now->stx_mtime) && entry->ctime_ns == nanoseconds(now->stx_ctime);
}

/* Answered for by the header and the entry alone. Nobody asks for the attributes of a file whose mount has none of them set. */
static bool is_plain(const struct vrift_index_header *header, const struct statx *now) {
  uint64_t device = (uint64_t)makedev(now->stx_dev_major, now->stx_dev_minor);
  bool one_name = (now->stx_mode & S_IFMT) == S_IFDIR || now->stx_nlink == 1;
  return one_name && device == header->root_dev && now->stx_uid == header->uid && now->stx_gid == header->gid &&
         header->birth_mask != 0 && now->stx_mask == header->birth_mask && now->stx_attributes == 0 &&
         now->stx_attributes_mask == header->attributes_mask && now->stx_blksize == header->block_size &&
         now->stx_mnt_id == header->mount_id && now->stx_blocks <= UINT32_MAX;
}

/* As vrift_js_has_writer. What cannot be opened cannot be told: there might be one. */
static bool may_have_writer(int root, const char *key) {
  int fd = openat(root, key, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) return true;
  bool free = fcntl(fd, F_SETSIG, SIGURG) == 0 && fcntl(fd, F_SETLEASE, F_RDLCK) == 0;
  if (free) fcntl(fd, F_SETLEASE, F_UNLCK);
  close(fd);
  return !free;
}

struct pass {
  struct vrift_index_writer *writer;
  int root;
  bool all;
  int64_t settled_before; /* a change before it has settled */
  uint32_t *suspects, suspect_count, left;
  int64_t oldest_young; /* its ctime; INT64_MAX: none */
};

static uint16_t flag_of(struct pass *pass, const struct vrift_index_entry *entry, const char *key, const struct statx *now) {
  if (!is_plain(pass->writer->header, now)) return 0;
  bool was_exact = (entry->flags & VRIFT_ENTRY_EXACT) != 0;
  bool written = !was_exact && S_ISREG(now->stx_mode) && may_have_writer(pass->root, key);
  if (!written && nanoseconds(now->stx_ctime) < pass->settled_before) return VRIFT_ENTRY_EXACT;
  pass->left++;
  if (!written && nanoseconds(now->stx_ctime) < pass->oldest_young) pass->oldest_young = nanoseconds(now->stx_ctime);
  return VRIFT_ENTRY_YOUNG;
}

static void settle(struct pass *pass, uint32_t number) {
  char key[VRIFT_INDEX_PATH_MAX];
  struct statx now;
  const struct vrift_index_entry *entry = candidate(pass->writer, number);
  if (!entry || (!pass->all && (entry->flags & VRIFT_ENTRY_YOUNG) == 0)) return;
  if (!pass->all && entry->ctime_ns >= pass->settled_before) {
    pass->left++;
    if (entry->ctime_ns < pass->oldest_young) pass->oldest_young = entry->ctime_ns;
    return;
  }
  struct vrift_index_times times = {0};
  uint16_t flag = 0;
  bool there = key_text(pass->writer, entry, key) &&
               statx(pass->root, key, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_BIRTH, &now) == 0;
  if (!there || !agrees(entry, &now)) {
    pass->suspects[pass->suspect_count++] = number;
  } else {
    flag = flag_of(pass, entry, key, &now);
    times.atime_ns = nanoseconds(now.stx_atime);
    times.btime_ns = (now.stx_mask & STATX_BTIME) != 0 ? nanoseconds(now.stx_btime) : 0;
    times.nlink = now.stx_nlink;
  }
  vrift_writer_settle(pass->writer, number, flag, there ? (uint32_t)now.stx_blocks : 0, &times);
}

static void set_number(napi_env env, napi_value object, const char *name, double number) {
  napi_value value;
  napi_create_double(env, number, &value);
  napi_set_named_property(env, object, name, value);
}

static napi_value numbers(napi_env env, const uint32_t *from, uint32_t count) {
  napi_value buffer, result;
  void *data;
  if (napi_create_arraybuffer(env, 4ull * count, &data, &buffer) != napi_ok) return NULL;
  if (count > 0) memcpy(data, from, 4ull * count);
  napi_create_typedarray(env, napi_uint32_array, count, buffer, 0, &result);
  return result;
}

static bool u32_property(napi_env env, napi_value object, const char *name, uint32_t *out) {
  napi_value value;
  return vrift_property(env, object, name, &value) && vrift_u32_argument(env, value, out);
}

/* (handle, {from, to, all}, settledBeforeNs) */
napi_value vrift_js_index_settle(napi_env env, napi_callback_info info) {
  napi_value arguments[3], all, result;
  uint32_t from, to;
  struct pass pass = {.oldest_young = INT64_MAX};
  if (!vrift_arguments(env, info, 3, arguments)) return NULL;
  struct vrift_index_handle *handle = vrift_index_handle_argument(env, arguments[0]);
  if (!handle || !u32_property(env, arguments[1], "from", &from) || !u32_property(env, arguments[1], "to", &to) ||
      !vrift_property(env, arguments[1], "all", &all) || !vrift_i64_argument(env, arguments[2], &pass.settled_before))
    return NULL;
  napi_get_value_bool(env, all, &pass.all);
  pass.writer = &handle->writer;
  if (to > pass.writer->view.entry_capacity) to = pass.writer->view.entry_capacity;
  pass.suspects = malloc(from < to ? 4ull * (to - from) : 4);
  if (!pass.suspects) return vrift_throw(env, ENOMEM, "indexSettle", NULL);
  pass.root = open(vrift_index_root(&pass.writer->view), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (pass.root < 0) {
    free(pass.suspects);
    return vrift_throw(env, errno, "open", vrift_index_root(&pass.writer->view));
  }
  for (uint32_t number = from; number < to; number++) settle(&pass, number);
  close(pass.root);
  napi_create_object(env, &result);
  napi_value suspects = numbers(env, pass.suspects, pass.suspect_count), oldest;
  free(pass.suspects);
  if (!suspects) return vrift_throw(env, ENOMEM, "indexSettle", NULL);
  napi_set_named_property(env, result, "suspects", suspects);
  set_number(env, result, "left", pass.left);
  napi_create_bigint_int64(env, pass.oldest_young, &oldest);
  napi_set_named_property(env, result, "oldestYoungNs", oldest);
  return result;
}

/* (handle, snapshot): those whose word is not what was seen; (handle, null): all, and no numbers. */
napi_value vrift_js_index_unsettle(napi_env env, napi_callback_info info) {
  static const struct vrift_index_times none;
  napi_value arguments[2];
  napi_valuetype type = napi_undefined;
  void *snapshot = NULL;
  size_t length;
  if (!vrift_arguments(env, info, 2, arguments)) return NULL;
  struct vrift_index_handle *handle = vrift_index_handle_argument(env, arguments[0]);
  if (!handle) return NULL;
  napi_typeof(env, arguments[1], &type);
  if (type != napi_null && !vrift_buffer_argument(env, arguments[1], 8ull * VRIFT_MARK_COUNT, &snapshot, &length)) return NULL;
  struct vrift_index_writer *writer = &handle->writer;
  const uint64_t *marks = snapshot;
  uint32_t *moved = malloc(4ull * writer->view.entry_capacity), count = 0;
  if (!moved) return vrift_throw(env, ENOMEM, "indexUnsettle", NULL);
  for (uint32_t number = 0; number < writer->view.entry_capacity; number++) {
    const struct vrift_index_entry *entry = &writer->entries[number];
    if (entry->seq == 0 || (entry->flags & VRIFT_ENTRY_FREE) != 0) continue;
    if (marks) {
      const uint8_t *key = key_of(writer, entry);
      uint32_t word = key ? vrift_mark_word(vrift_path_hash(key, entry->key_length)) : 0;
      if (key && marks[word] == writer->seen[word] && (marks[word] & VRIFT_MARK_IN_FLIGHT) == 0) continue;
      moved[count++] = number;
    }
    if (candidate(writer, number)) vrift_writer_settle(writer, number, VRIFT_ENTRY_YOUNG, 0, &none);
  }
  napi_value result = numbers(env, moved, count);
  free(moved);
  return result ? result : vrift_throw(env, ENOMEM, "indexUnsettle", NULL);
}
