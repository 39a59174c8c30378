#include "stripe.h"

#define STRIPES 4096

static long set_lock(int fd, long byte, short type) {
  struct flock range = {.l_type = type, .l_start = byte, .l_len = 1};
  long result;
  do result = raw_fcntl(fd, F_OFD_SETLKW, (long)&range);
  while (result == -EINTR);
  return result;
}

static void set_signals(uint64_t *mask) { raw4(__NR_rt_sigprocmask, SIG_SETMASK, (long)mask, 0, sizeof *mask); }

long stripe_lock(uint64_t hash, struct stripe *stripe) {
  char path[PATH_SIZE];
  uint64_t all = ~0ull;
  if (!view_run_path("stripes", path)) return -EIO;
  raw4(__NR_rt_sigprocmask, SIG_SETMASK, (long)&all, (long)&stripe->signals, sizeof all);
  stripe->byte = (long)(hash % STRIPES);
  stripe->fd = (int)raw_openat(AT_FDCWD, path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
  long result = stripe->fd < 0 ? stripe->fd : set_lock(stripe->fd, stripe->byte, F_WRLCK);
  if (result == 0) return 0;
  if (stripe->fd >= 0) raw_close(stripe->fd);
  set_signals(&stripe->signals);
  return result == -ENOENT ? -EIO : result;
}

void stripe_unlock(struct stripe *stripe) {
  /* Unlocked by name: a child forked meanwhile by another thread has the same open file and would keep the lock. */
  set_lock(stripe->fd, stripe->byte, F_UNLCK);
  raw_close(stripe->fd);
  set_signals(&stripe->signals);
}
