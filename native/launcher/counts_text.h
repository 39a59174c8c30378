/* The counters of a run, for people and for programs (docs/observing.md). */
#ifndef VRIFT_LAUNCHER_COUNTS_TEXT_H
#define VRIFT_LAUNCHER_COUNTS_TEXT_H

#include <stddef.h>

#include "../observed/counters.h"

/* Every counter with its name and twenty digits is less. */
enum { COUNTS_TEXT_SIZE = 131072 };

/* Both write whole lines to `out`, and return their length. */
size_t counts_summary(const struct counters *counters, char *out);
size_t counts_json(const struct counters *counters, char *out);

#endif
