#include "start_turn.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "home.h"

/* Longer than a daemon takes on a machine that does something else. */
enum { TURN_WAIT_MS = 15000, POLL_MS = 10 };

/* The home is made here when it is missing: the first runs of a new home are the ones that come together. */
static int open_lock(void) {
  char home[PATH_MAX], path[PATH_MAX + 32];
  if (home_directory(home) < 0) return -1;
  (void)mkdir(home, 0700);
  snprintf(path, sizeof path, "%s/run", home);
  (void)mkdir(path, 0700);
  snprintf(path, sizeof path, "%s/run/start.lock", home);
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0 || fd > STDERR_FILENO) return fd;
  /* The caller closed a standard descriptor, and what is started next must find it closed. */
  int above = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  close(fd);
  return above;
}

enum asked wait_for_start_turn(const char *root, struct view *view) {
  int lock = open_lock();
  if (lock < 0) return NOBODY_LISTENS;
  for (int waited = 0; waited < TURN_WAIT_MS; waited += POLL_MS) {
    int ours = flock(lock, LOCK_EX | LOCK_NB) == 0;
    enum asked asked = ask_daemon(root, view);
    /* The descriptor stays open in our turn: exec ends it, and the child that starts the daemon closes its own. */
    if (ours && asked != VIEW_FOUND) return asked;
    if (asked != NOBODY_LISTENS) {
      close(lock);
      return asked;
    }
    nanosleep(&(struct timespec){.tv_nsec = POLL_MS * 1000000L}, NULL);
  }
  close(lock);
  return NOBODY_LISTENS;
}
