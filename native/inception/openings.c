#include "openings.h"

#include "descriptors.h"
#include "swap.h"

#define SEEK_CUR 1
#define FIRST_INHERITED 3

/* glibc's own; without it (musl) nothing is moved. */
extern char __libc_single_threaded __attribute__((weak));

/* Wiped by fork; shared with a vfork child, whose own descriptors hardly ever live as long as to be asked for here. */
struct openings {
  uint32_t last;
  int highest;
  uint32_t number[DESCRIPTOR_LIMIT]; /* of the opening behind a descriptor; 0: not known */
};

static struct openings *openings;

static struct openings *make(void) {
  struct openings *memory = raw_mmap(sizeof *memory, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1), *none = 0;
  if (is_error(memory)) return 0;
  bool kept = raw3(__NR_madvise, (long)memory, sizeof *memory, MADV_WIPEONFORK) == 0 &&
              __atomic_compare_exchange_n(&openings, &none, memory, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
  if (kept) return memory;
  raw_munmap(memory, sizeof *memory);
  return none;
}

static void set(struct openings *all, int fd, uint32_t number) {
  if (fd < 0 || fd >= DESCRIPTOR_LIMIT) return;
  __atomic_store_n(&all->number[fd], number, __ATOMIC_RELAXED);
  if (fd > __atomic_load_n(&all->highest, __ATOMIC_RELAXED)) __atomic_store_n(&all->highest, fd, __ATOMIC_RELAXED);
}

static uint32_t number_of(const struct openings *all, int fd) {
  return fd < 0 || fd >= DESCRIPTOR_LIMIT ? 0 : __atomic_load_n(&all->number[fd], __ATOMIC_RELAXED);
}

void opening_made(int fd) {
  struct openings *all = __atomic_load_n(&openings, __ATOMIC_ACQUIRE);
  if (all == 0) all = make();
  if (all == 0) return;
  uint32_t number = __atomic_add_fetch(&all->last, 1, __ATOMIC_RELAXED);
  set(all, fd, number);
}

void opening_shared(int from, int to) {
  struct openings *all = __atomic_load_n(&openings, __ATOMIC_ACQUIRE);
  if (all != 0 && from != to) set(all, to, number_of(all, from));
}

void opening_forget(int fd) {
  struct openings *all = __atomic_load_n(&openings, __ATOMIC_ACQUIRE);
  if (all != 0 && number_of(all, fd) != 0) set(all, fd, 0);
}

/* `other` still is what `fd` was before it was moved: the same blob at the same offset. */
static bool still_shares(int other, const struct stat *blob, long offset) {
  struct stat st;
  return raw_fstat(other, &st) == 0 && st.st_ino == blob->st_ino && st.st_dev == blob->st_dev &&
         raw3(__NR_lseek, other, 0, SEEK_CUR) == offset;
}

static void move(const struct view *view, struct openings *all, int fd) {
  struct stat blob, now;
  uint32_t number = number_of(all, fd);
  long offset = raw3(__NR_lseek, fd, 0, SEEK_CUR);
  if (raw_fstat(fd, &blob) != 0 || swap_descriptor(view, fd) != 0) return;
  if (raw_fstat(fd, &now) != 0 || (now.st_ino == blob.st_ino && now.st_dev == blob.st_dev)) return;
  for (int other = 0; other <= all->highest; other++) {
    if (other == fd || number_of(all, other) != number || !still_shares(other, &blob, offset)) continue;
    long flags = raw_fcntl(other, F_GETFD, 0);
    if (flags < 0) continue;
    raw3(__NR_dup3, fd, other, (flags & FD_CLOEXEC) != 0 ? O_CLOEXEC : 0);
    descriptor_forget(other);
  }
}

/* What this process opened, when it may be moved. */
static struct openings *movable(void) {
  bool one_thread = &__libc_single_threaded != 0 && __libc_single_threaded != 0;
  return one_thread ? __atomic_load_n(&openings, __ATOMIC_ACQUIRE) : 0;
}

void openings_before_child(void) {
  struct openings *all = movable();
  const struct view *view = all != 0 ? view_current() : 0;
  if (view == 0) return;
  for (int fd = FIRST_INHERITED; fd <= all->highest; fd++)
    if (number_of(all, fd) != 0 && raw_fcntl(fd, F_GETFD, 0) == 0) move(view, all, fd);
}

void openings_follow(const struct view *view, uint64_t key_hash) {
  struct openings *all = movable();
  if (all == 0) return;
  for (int fd = 0; fd <= all->highest; fd++)
    if (number_of(all, fd) != 0 && descriptor_key(fd) == key_hash) move(view, all, fd);
}
