#include "watched.h"

#include "stripe.h"

/*
 * `run/<id>/watched`: buckets of process numbers, one bucket for all directories whose hash falls into it. A slot counts while its
 * process lives; a number that is used again costs a copy of a file that is about to go, and nothing else.
 */
#define BUCKETS 4096
#define SLOTS 8

struct bucket {
  int32_t pids[SLOTS];
};

static long offset_of(uint64_t hash) { return (long)(hash % BUCKETS * sizeof(struct bucket)); }

static bool lives(int32_t pid) { return pid > 0 && raw2(__NR_kill, pid, 0) != -ESRCH; }

static int open_file(int flags) {
  char path[PATH_SIZE];
  if (!view_run_path("watched", path)) return -1;
  return (int)raw_openat(AT_FDCWD, path, flags | O_NOFOLLOW | O_CLOEXEC, 0600);
}

static void add(uint64_t hash, int32_t pid) {
  struct bucket bucket = {{0}};
  int fd = open_file(O_RDWR | O_CREAT);
  if (fd < 0) return;
  raw_pread(fd, &bucket, sizeof bucket, offset_of(hash));
  /* All taken by others: the last one makes room. Of nine programs that watch one directory one is not told of every removal. */
  int slot = 0;
  while (slot < SLOTS - 1 && bucket.pids[slot] != pid && lives(bucket.pids[slot])) slot++;
  raw4(__NR_pwrite64, fd, (long)&pid, sizeof pid, offset_of(hash) + slot * (long)sizeof pid);
  raw_close(fd);
}

void watched_note(const struct view *view, int dirfd, const char *path, bool follow) {
  struct place place;
  struct stripe stripe;
  if (place_physical(view, dirfd, path, follow ? FOLLOW : FOLLOW_SLASH, &place) != 0 || !place.inside) return;
  if (stripe_lock(place.hash, &stripe) != 0) return;
  add(place.hash, raw_getpid());
  stripe_unlock(&stripe);
}

bool watched(uint64_t directory_hash) {
  struct bucket bucket = {{0}};
  int fd = open_file(O_RDONLY);
  if (fd < 0) return false;
  raw_pread(fd, &bucket, sizeof bucket, offset_of(directory_hash));
  raw_close(fd);
  for (int i = 0; i < SLOTS; i++)
    if (lives(bucket.pids[i])) return true;
  return false;
}
