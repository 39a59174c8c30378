#ifndef VRIFT_LAUNCHER_NOTE_H
#define VRIFT_LAUNCHER_NOTE_H

/* One line on standard error, `vrift: ` before it. */
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
