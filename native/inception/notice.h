/* The only thing this library ever writes to stderr: a statically linked program sees only files that are really there. */
#ifndef VRIFT_NOTICE_H
#define VRIFT_NOTICE_H

/* Looks at the program that is about to run; says so once per run (VRIFT_RUN) when it is static. */
void notice_static_program(int dirfd, const char *path, int flags);

/* Once, from the constructor: the name of this run, or null. */
void notice_start(const char *run);

#endif
