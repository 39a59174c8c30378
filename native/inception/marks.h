/*
 * Marks tell every reader that a name or its content is changing (docs/index-format.md). Only additions: a program that is
 * killed in between leaves a word that never equals `seen`, which costs a system call and nothing else.
 */
#ifndef VRIFT_MARKS_H
#define VRIFT_MARKS_H

#include "view.h"

static inline void mark_add(const struct view *view, uint32_t word, uint64_t what) {
  __atomic_fetch_add(&view->marks[word], what, __ATOMIC_SEQ_CST);
}

/* Around any number of names: the summary's sixteen bits could not count them one by one. */
static inline void marks_begin(const struct view *view) { mark_add(view, VRIFT_MARK_SUMMARY, VRIFT_MARK_BEGIN); }
static inline void marks_end(const struct view *view) { mark_add(view, VRIFT_MARK_SUMMARY, VRIFT_MARK_END); }

static inline void mark_name_begin(const struct view *view, uint64_t hash) {
  mark_add(view, vrift_mark_word(hash), VRIFT_MARK_BEGIN);
}
static inline void mark_name_end(const struct view *view, uint64_t hash) {
  mark_add(view, vrift_mark_word(hash), VRIFT_MARK_END);
}
static inline bool mark_clean(const struct view *view, uint64_t hash) {
  return vrift_mark_clean(&view->index, view->marks, hash);
}
/* Nobody whom the library cannot enter is at work, and this process has asked for no events of its own. */
static inline bool solid_usable(const struct view *view) {
  const uint32_t word = VRIFT_MARK_UNINJECTED;
  return __atomic_load_n(&view->index.seen[word], __ATOMIC_ACQUIRE) == __atomic_load_n(&view->marks[word], __ATOMIC_ACQUIRE) &&
         !__atomic_load_n(&view_distrusted, __ATOMIC_ACQUIRE);
}
static inline bool usable(const struct view *view) {
  return vrift_index_usable(&view->index) && !view->frozen && (!view->solid || solid_usable(view));
}

#endif
