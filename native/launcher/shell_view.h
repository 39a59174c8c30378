/* vrift-launcher shell-view: what a shell's hook (src/cli/shell-hooks.ts) sets in a directory. */
#ifndef VRIFT_LAUNCHER_SHELL_VIEW_H
#define VRIFT_LAUNCHER_SHELL_VIEW_H

/*
 * Prints five lines: root, project's socket, LD_PRELOAD, VRIFT_INDEX, VRIFT_RUN; nothing outside of the projects that the home knows.
 * `entered`: the root that the shell is in already, or empty. In another one the project is opened in the background when it is not.
 */
void shell_view(const char *installation, const char *entered);

#endif
