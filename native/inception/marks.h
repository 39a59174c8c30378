/*
 * Marks tell every reader that a name or its content is changing (docs/index-format.md). Only additions: a program that is
 * killed in between leaves a word that never equals `seen`, which costs a system call and nothing else.
 */
#ifndef VRIFT_MARKS_H
#define VRIFT_MARKS_H

#include "view.h"

static inline void mark_begin(const struct view *view, uint64_t hash) {
  __atomic_fetch_add(&view->marks[vrift_mark_word(hash)], VRIFT_MARK_BEGIN, __ATOMIC_SEQ_CST);
}
static inline void mark_end(const struct view *view, uint64_t hash) {
  __atomic_fetch_add(&view->marks[vrift_mark_word(hash)], VRIFT_MARK_END, __ATOMIC_SEQ_CST);
}
static inline bool mark_clean(const struct view *view, uint64_t hash) {
  return vrift_mark_clean(&view->index, view->marks, hash);
}
static inline bool usable(const struct view *view) { return vrift_index_usable(&view->index); }

#endif
