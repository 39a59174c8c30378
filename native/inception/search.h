/* Finding and starting a program the way execvp does: nothing but the stack, because it runs in vfork children. */
#ifndef VRIFT_SEARCH_H
#define VRIFT_SEARCH_H

/* execvpe: along PATH unless `file` has a slash; a file the kernel cannot run is given to /bin/sh. -errno. */
long search_exec(const char *file, char *const argv[], char *const envp[]);

/* The first file of that name along PATH that may be executed, into `out` (PATH_SIZE); null when there is none. */
const char *search_find(const char *file, char *out);

#endif
