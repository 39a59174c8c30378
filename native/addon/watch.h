#ifndef VRIFT_WATCH_H
#define VRIFT_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "index_reader.h"

/*
 * The inotify thread of one workspace. It adds to the marks what changed, within microseconds, and knows nothing of
 * JavaScript: `wake` is called on the thread, with whether anything in the tree changed, after each batch of events.
 */
struct vrift_watch;

struct vrift_watch_options {
  const char *root;    /* absolute */
  const char *cookies; /* an existing directory of our own, for drains */
  bool mounts;         /* a change of the table of mounts loses everything */
  uint64_t *marks;     /* VRIFT_MARK_COUNT words, valid until vrift_watch_stop has returned */
  const struct vrift_index_view *index; /* the same; its header is writable */
  void (*wake)(void *context, bool changed);
  void *context;
};

/* 0 or an errno (EMFILE, ENOSPC: a limit of inotify). */
int vrift_watch_start(const struct vrift_watch_options *options, struct vrift_watch **watch);
/* Ends the thread and frees everything; `wake` is not called afterwards. */
void vrift_watch_stop(struct vrift_watch *watch);

/* Watches the directory of a key ("" is the root), or gives a directory already watched this key. 0 or an errno. */
int vrift_watch_add(struct vrift_watch *watch, const uint8_t *key, uint32_t length);
/* The file to raise distrust in from now on; if it was raised in the one before, it is in this one too. */
void vrift_watch_set_index(struct vrift_watch *watch, const struct vrift_index_view *index);

/*
 * Drains: the events queued before vrift_watch_cookie was called have been applied when vrift_watch_reached is at least
 * the number it gave. While draining is set, `wake` is called at least every 100 ms, so that waiting can end.
 */
void vrift_watch_set_draining(struct vrift_watch *watch, bool draining);
int vrift_watch_cookie(struct vrift_watch *watch, uint64_t *number);
uint64_t vrift_watch_reached(struct vrift_watch *watch);

#endif
