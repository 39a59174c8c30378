/*
 * What a child needs to see the tree, too: LD_PRELOAD with this library, VRIFT_*. Copied once at the start, so that a program
 * that starts another with an environment of its own making does not lose it.
 */
#ifndef VRIFT_ENVIRONMENT_H
#define VRIFT_ENVIRONMENT_H

#include <stdbool.h>
#include <stddef.h>

/* Value of a variable, or null. */
const char *environment_value(char *const envp[], const char *name);

/* Once, from the constructor. */
void environment_start(char *const envp[]);

/*
 * `envp` with what is missing, in memory of the caller (a vfork child must not change any other): how many bytes that takes,
 * and the list in it. 0 bytes: there is nothing to carry.
 */
size_t environment_size(char *const envp[]);
char **environment_build(char *const envp[], void *memory, size_t size);

/* Puts what is missing into the program's own list, by libc's setenv. */
void environment_restore(int (*set)(const char *name, const char *value, int overwrite));

/* The program's own list, for calls that use it (execv); may be null before libc has started. */
char **environment_own(void);

#endif
