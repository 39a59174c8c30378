/* Names in the home (src/platform/paths.ts) that the launcher must know before any Node runs. */
#ifndef VRIFT_LAUNCHER_HOME_H
#define VRIFT_LAUNCHER_HOME_H

#include <limits.h>

/* VRIFT_HOME, else ~/.vrift. -1: neither is an absolute path that fits. */
int home_directory(char home[PATH_MAX]);

#endif
