/*
 * The long way to a view: a child (Node, src/cli/run-prepare.ts) that parses options, starts the daemon and says on standard
 * error what is in the way. It answers through a pipe, each field ending in NUL:
 *   out=TEXT      to be printed on standard output
 *   exit=N        do not run anything, exit with N
 *   command=N     position of COMMAND among the arguments after `run`
 *   preload=PATH  the library, and
 *   index=PATH    the index it maps; both absent: COMMAND runs without the library
 *   phantom=1     the tree has files that only the library shows
 *   stats=HOW     the run is to be counted (counted_run.h)
 *   end           the child has nothing left to do
 */
#ifndef VRIFT_LAUNCHER_PREPARE_H
#define VRIFT_LAUNCHER_PREPARE_H

#include <stddef.h>

struct answer {
  char *text;
  size_t length;
  int ended; /* `end` was read: the answer is whole */
};

/* `root`: the project. `argv`: the launcher's own. Zeroed `answer`, which stays so when there is none. */
void prepare(const char *root, int argc, char **argv, struct answer *answer);

/* Value of the first field `name=…`, or NULL. */
const char *answer_field(const struct answer *answer, const char *name);

#endif
