/*
 * vrift run --stats: COMMAND is a child, so that there is somebody to tell the counts when it has ended. For everybody else it looks as
 * if the launcher were COMMAND: signals are handed on, it stops and ends as COMMAND does, and holds nothing of what it inherited.
 */
#ifndef VRIFT_LAUNCHER_COUNTED_RUN_H
#define VRIFT_LAUNCHER_COUNTED_RUN_H

#include "view.h"

/* Makes the counters beside the index and names them in VRIFT_STATS. -1: a line says why, and nothing is counted. */
int make_counters(const struct view *view);

/* One more question to the daemon, in the counters that VRIFT_STATS names. */
void count_daemon_question(void);

/* `how`: "text", "json" (both on standard error), or the absolute path of a file for the latter. After make_counters. */
_Noreturn void run_counted(char **command, const char *how);

#endif
