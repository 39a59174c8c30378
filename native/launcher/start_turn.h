/*
 * Of many `vrift run` that find no daemon at the same moment one starts it, and the others ask that daemon: two hundred
 * Node processes that all start the same thing would take each other's processor.
 */
#ifndef VRIFT_LAUNCHER_START_TURN_H
#define VRIFT_LAUNCHER_START_TURN_H

#include "ask_daemon.h"

/*
 * Call when nobody listens. VIEW_FOUND: somebody else started the daemon meanwhile. Anything else: it is ours to take the long way,
 * in our turn, which ends with exec; without one when the wait is too long or there is no home yet to hold a lock.
 */
enum asked wait_for_start_turn(const char *root, struct view *view);

#endif
