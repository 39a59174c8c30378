/* One line of VRIFT_TRACE (docs/observing.md): composed on the stack, written by one call. */
#ifndef VRIFT_TRACE_LINE_H
#define VRIFT_TRACE_LINE_H

#include "observe.h"

void trace_start(const char *file, const char *program, bool has_view);
/* `result` null: not known, the call may not come back. */
void trace_call(const char *file, struct noted noted, const long *result, struct operand first, struct operand second);

#endif
