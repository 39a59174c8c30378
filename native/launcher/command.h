#ifndef VRIFT_LAUNCHER_COMMAND_H
#define VRIFT_LAUNCHER_COMMAND_H

/* The library will not be in the program of this name. */
int is_static_command(const char *name);
/* Says so then. */
void warn_when_static(const char *name);

/* execvp; exits with 127 or 126 when that fails. */
_Noreturn void become_command(char **command);

#endif
