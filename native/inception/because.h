/*
 * Why a call was answered as it was (docs/observing.md). In the library that programs get, because() is its second argument and
 * nothing else; in the observed one (VRIFT_OBSERVED) it is written down for who counts and traces.
 */
#ifndef VRIFT_BECAUSE_H
#define VRIFT_BECAUSE_H

/* X(name, by, text) */
#define VRIFT_REASONS(X) \
  X(OTHER, KERNEL, "other") \
  X(VIRTUAL, INDEX, "virtual") \
  X(ABSENT, INDEX, "absent") \
  X(BELOW_FILE, INDEX, "below-a-file") \
  X(EXACT, INDEX, "exact") \
  X(ELSEWHERE, KERNEL, "elsewhere") \
  X(PRIVATE, KERNEL, "private") \
  X(IGNORED, KERNEL, "ignored") \
  X(PHYSICAL, KERNEL, "physical") \
  X(LINK, KERNEL, "link") \
  X(MARKED, KERNEL, "marked") \
  X(DISTRUSTED, KERNEL, "distrusted") \
  X(BUSY, KERNEL, "busy") \
  X(INCOMPLETE, KERNEL, "incomplete") \
  X(MOVED, KERNEL, "moved")

#define VRIFT_REASON_NAME(name, by, text) BECAUSE_##name,
enum because { VRIFT_REASONS(VRIFT_REASON_NAME) BECAUSE_COUNT };

/* What may happen besides. */
enum besides { BESIDES_ENTRY = 1, BESIDES_HYDRATED = 2, BESIDES_WHITEOUT = 4 };

#ifdef VRIFT_OBSERVED

/* Of the call that this thread is in. A copy, never a pointer: a signal handler may leave a call by longjmp. */
struct noted {
  unsigned char because, besides, call;
};
extern __thread struct noted vrift_noted __attribute__((visibility("hidden")));
void observe_hydrated(void);

#define because(reason, answer) (vrift_noted.because = (reason), (answer))
#define besides(what) ((void)(vrift_noted.besides |= (what)))

#else

#define because(reason, answer) (answer)
#define besides(what) ((void)0)
static inline void observe_hydrated(void) {}

#endif
#endif
