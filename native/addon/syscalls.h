#ifndef VRIFT_SYSCALLS_H
#define VRIFT_SYSCALLS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

/* Whether a list of attribute names, as listxattr gives it, holds one that vrift counts (security.selinux is not). */
bool vrift_names_count(const char *names, ssize_t length);
/* Of nanoseconds since 1970, also before. */
struct timespec vrift_timespec(int64_t ns);

#endif
