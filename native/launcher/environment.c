#include "environment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

enum { RUN_ID_BYTES = 8 };

static int is_our_library(const char *path, size_t length) {
  size_t n = sizeof LIBRARY_NAME - 1;
  return length >= n && memcmp(path + length - n, LIBRARY_NAME, n) == 0 && (length == n || path[length - n - 1] == '/');
}

/*
 * `first` and then what LD_PRELOAD named before, without any vrift library of an outer run (or of another build: two of
 * them in one process would answer each other's calls). Unset when nothing is left.
 */
static void set_preload(const char *first) {
  const char *before = getenv("LD_PRELOAD");
  if (before == NULL) before = "";
  char *list = malloc(strlen(first) + strlen(before) + 2);
  if (list == NULL) return;
  char *end = stpcpy(list, first);
  while (*before != 0) {
    size_t length = strcspn(before, ": ");
    if (length > 0 && !is_our_library(before, length)) {
      if (end != list) *end++ = ':';
      end = mempcpy(end, before, length);
    }
    before += length;
    before += strspn(before, ": ");
  }
  *end = 0;
  if (end == list) {
    unsetenv("LD_PRELOAD");
  } else {
    setenv("LD_PRELOAD", list, 1);
  }
  free(list);
}

static void set_run_id(void) {
  unsigned char bytes[RUN_ID_BYTES];
  char text[2 * RUN_ID_BYTES + 1];
  if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes) {
    snprintf(text, sizeof text, "%016lx", (unsigned long)getpid());
  } else {
    for (int i = 0; i < RUN_ID_BYTES; i++) snprintf(text + 2 * i, 3, "%02x", bytes[i]);
  }
  setenv("VRIFT_RUN", text, 1);
}

void inject(const struct view *view) {
  set_preload(view->preload);
  setenv("VRIFT_INDEX", view->index, 1);
  set_run_id();
  /* Node 20 would open and stat through the ring, where no library can see it. */
  setenv("UV_USE_IO_URING", "0", 0);
}

/* The library may be loaded in this very process and adds itself again on exec; the empty name makes it pass all through. */
void leave_outer_run(void) {
  if (getenv("VRIFT_INDEX") == NULL) return;
  set_preload("");
  setenv("VRIFT_INDEX", "", 1);
}
