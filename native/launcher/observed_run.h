/* What a run that is counted or traced needs besides (docs/observing.md). */
#ifndef VRIFT_LAUNCHER_OBSERVED_RUN_H
#define VRIFT_LAUNCHER_OBSERVED_RUN_H

#include "view.h"

/* The trace that VRIFT_TRACE names is created, and named absolutely; a line and no trace when that cannot be. */
void prepare_trace(void);

/* With VRIFT_TRACE or VRIFT_STATS set, the observed library takes the place of the other one in `view`. */
void choose_library(struct view *view);

#endif
