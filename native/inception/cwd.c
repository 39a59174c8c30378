/*
 * The cache lives in memory that a fork wipes (MADV_WIPEONFORK), so a child of any kind of fork starts with an empty one.
 * A vfork child shares it with its parent but not the working directory: it may clear it, and never fills it, because the
 * process id stored beside it is not its own.
 *
 * Filling: the generation is read before getcwd and compared after it, under the lock bit; chdir raises the generation
 * before and after the call, so nothing read before it ended is kept. Reading: generation, copy, generation and lock again.
 *
 * A directory that is renamed takes its processes with it. The rename adds to the mark of every indexed directory below
 * the old name (docs/index-format.md); the mark of the cached directory is therefore part of what makes it valid. A
 * directory the index does not know has no such guard: it is reported as not `known`.
 */
#include "cwd.h"

#include "bytes.h"
#include "marks.h"

struct cache {
  uint64_t sequence;   /* odd: being filled */
  uint64_t generation; /* of the working directory */
  uint64_t filled;     /* generation + 1 that `path` belongs to; 0: empty */
  int pid;
  uint32_t length;
  uint64_t hash; /* of its key, when inside */
  uint64_t mark;
  bool inside;
  bool known;
  char path[PATH_SIZE];
};

static struct cache *cache;
static bool forgotten;

void cwd_start(void) {
  struct cache *memory = raw_mmap(sizeof(struct cache), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
  if (is_error(memory)) return;
  if (raw3(__NR_madvise, (long)memory, sizeof(struct cache), MADV_WIPEONFORK) == 0)
    cache = memory, cache->pid = raw_getpid();
  else
    raw_munmap(memory, sizeof(struct cache));
}

void cwd_changing(void) {
  if (cache) __atomic_fetch_add(&cache->generation, 1, __ATOMIC_SEQ_CST);
}
void cwd_changed(void) { cwd_changing(); }
void cwd_forget_for_ever(void) { __atomic_store_n(&forgotten, true, __ATOMIC_SEQ_CST); }

static uint64_t mark_of(const struct view *view, uint64_t hash) {
  return __atomic_load_n(&view->marks[vrift_mark_word(hash)], __ATOMIC_ACQUIRE);
}

static long read_cache(const struct view *view, char *out, bool *known) {
  uint64_t sequence = __atomic_load_n(&cache->sequence, __ATOMIC_ACQUIRE);
  uint64_t generation = __atomic_load_n(&cache->generation, __ATOMIC_ACQUIRE);
  if ((sequence & 1) != 0 || cache->filled != generation + 1) return 0;
  uint32_t length = cache->length;
  if (length >= PATH_SIZE) return 0;
  if (cache->inside && mark_of(view, cache->hash) != cache->mark) return 0;
  memcpy(out, cache->path, length + 1);
  bool is_known = cache->known;
  __atomic_thread_fence(__ATOMIC_ACQUIRE);
  if (__atomic_load_n(&cache->sequence, __ATOMIC_RELAXED) != sequence) return 0;
  if (__atomic_load_n(&cache->generation, __ATOMIC_RELAXED) != generation) return 0;
  if (known) *known = is_known;
  return length;
}

/* What the index says about a directory: inside the root, and its key's hash and whether it is a known directory. */
static void describe(const struct view *view, const char *path, uint32_t length, bool *inside, uint64_t *hash,
                     bool *known) {
  struct vrift_entry entry;
  uint32_t number;
  *inside = length >= view->root_length && memcmp(path, view->root, view->root_length) == 0 &&
            (length == view->root_length || path[view->root_length] == '/');
  *hash = 0;
  *known = true;
  if (!*inside) return;
  uint32_t skip = length == view->root_length ? length : view->root_length + 1;
  const uint8_t *key = (const uint8_t *)path + skip;
  *hash = vrift_path_hash(key, length - skip);
  *known = vrift_index_lookup(&view->index, key, length - skip, *hash, &entry, &number) == VRIFT_FOUND &&
           (entry.flags & (VRIFT_ENTRY_DIR | VRIFT_ENTRY_KERNEL)) == VRIFT_ENTRY_DIR;
}

static void fill_cache(uint64_t generation, const char *path, uint32_t length,
                       uint64_t hash, uint64_t mark, bool inside, bool known) {
  int pid = raw_getpid();
  /* Wiped by a fork. */
  if (cache->pid == 0) cache->pid = pid;
  if (cache->pid != pid) return;
  uint64_t sequence = __atomic_load_n(&cache->sequence, __ATOMIC_RELAXED);
  if ((sequence & 1) != 0) return;
  if (!__atomic_compare_exchange_n(&cache->sequence, &sequence, sequence + 1, false, __ATOMIC_ACQUIRE,
                                   __ATOMIC_RELAXED))
    return;
  if (__atomic_load_n(&cache->generation, __ATOMIC_SEQ_CST) == generation) {
    memcpy(cache->path, path, length + 1);
    cache->length = length;
    cache->hash = hash;
    cache->mark = mark;
    cache->inside = inside;
    cache->known = known;
    cache->filled = generation + 1;
  }
  __atomic_store_n(&cache->sequence, sequence + 2, __ATOMIC_RELEASE);
}

long cwd_get(const struct view *view, char *out, bool *known) {
  bool caching = cache != 0 && !__atomic_load_n(&forgotten, __ATOMIC_RELAXED);
  if (caching) {
    long length = read_cache(view, out, known);
    if (length > 0) return length;
  }
  uint64_t generation = caching ? __atomic_load_n(&cache->generation, __ATOMIC_ACQUIRE) : 0;
  for (int attempt = 0; attempt < 2; attempt++) {
    bool inside, is_known;
    uint64_t hash, mark = 0, again;
    long size = raw_getcwd(out, PATH_SIZE);
    if (failed(size)) return size;
    if (out[0] != '/') return -ENOENT;
    describe(view, out, (uint32_t)size - 1, &inside, &hash, &is_known);
    if (known) *known = is_known;
    if (!caching) return size - 1;
    if (!inside) {
      fill_cache(generation, out, (uint32_t)size - 1, hash, mark, inside, is_known);
      return size - 1;
    }
    /* The mark must be older than the answer it guards: ask once more with the mark in hand. */
    mark = mark_of(view, hash);
    size = raw_getcwd(out, PATH_SIZE);
    if (failed(size)) return size;
    describe(view, out, (uint32_t)size - 1, &inside, &again, &is_known);
    if (!inside || again != hash) continue;
    fill_cache(generation, out, (uint32_t)size - 1, hash, mark, inside, is_known);
    return size - 1;
  }
  return (long)text_length(out);
}
