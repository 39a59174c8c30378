#ifndef VRIFT_UNINJECTED_H
#define VRIFT_UNINJECTED_H

/* This process becomes a program that the library is not in: the index of a solid tree is not to be believed until it has ended. */
void tell_uninjected(const char *index);

#endif
