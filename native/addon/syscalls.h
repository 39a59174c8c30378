#ifndef VRIFT_SYSCALLS_H
#define VRIFT_SYSCALLS_H

#include <stdbool.h>
#include <sys/types.h>

/* Whether a list of attribute names, as listxattr gives it, holds one that vrift counts (security.selinux is not). */
bool vrift_names_count(const char *names, ssize_t length);

#endif
