#ifndef VRIFT_LAUNCHER_COMMAND_H
#define VRIFT_LAUNCHER_COMMAND_H

/* Says so when the program of this name cannot be entered by the library. */
void warn_when_static(const char *name);

/* execvp; exits with 127 or 126 when that fails. */
_Noreturn void become_command(char **command);

#endif
