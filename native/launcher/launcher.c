/*
 * vrift run (and what a shell's hook asks, shell_view.h): finds out what COMMAND needs (ask_daemon.h, else prepare.h), then becomes COMMAND.
 *
 * It ends in exec (but for --stats, counted_run.h) so that pid, process group, terminal, inherited descriptors, limits, signal mask and dispositions stay
 * exactly as the caller made them: no disposition is changed here, not even for a moment. What Node does to its own
 * process (it raises RLIMIT_NOFILE, resets signals, uses descriptors) ends with the child it runs in.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ask_daemon.h"
#include "command.h"
#include "counted_run.h"
#include "environment.h"
#include "note.h"
#include "observed_run.h"
#include "prepare.h"
#include "shell_view.h"
#include "start_turn.h"
#include "uninjected.h"

enum { EXIT_VRIFT_FAILED = 125 };

/* The project this launcher was built in: three names above build/native/vrift-launcher. */
static int project_root(const char *argv0, char *root) {
  ssize_t length = readlink("/proc/self/exe", root, PATH_MAX - 1);
  if (length > 0) {
    root[length] = 0;
  } else if (realpath(argv0, root) == NULL) {
    return -1;
  }
  for (int i = 0; i < 3; i++) {
    char *slash = strrchr(root, '/');
    if (slash == NULL) return -1;
    *slash = 0;
  }
  return 0;
}

/* Position of COMMAND when there is no option before it; 0 when there is, or no COMMAND. */
static int command_without_options(int argc, char **argv) {
  if (argc > 2 && argv[2][0] != '-') return 2;
  return argc > 3 && strcmp(argv[2], "--") == 0 ? 3 : 0;
}

/* `stats`: how the run's counts are to be told (counted_run.h), or null. */
static _Noreturn void become_with_view(char **command, struct view *view, const char *stats) {
  prepare_trace();
  int counted = stats != NULL && make_counters(view) == 0;
  count_daemon_question();
  choose_library(view);
  inject(view);
  if (view->phantom)
    warn_when_static(command[0]);
  else if (is_static_command(command[0]))
    tell_uninjected(view->index);
  if (counted) run_counted(command, stats);
  become_command(command);
}

static _Noreturn void become_unprepared(int argc, char **argv) {
  int command = command_without_options(argc, argv);
  if (command == 0) {
    note("VRIFT_NO_DAEMON: preparing the run failed; the reason is above");
    exit(EXIT_VRIFT_FAILED);
  }
  note("VRIFT_NO_DAEMON: preparing the run failed; %s runs without vrift", argv[command]);
  become_command(argv + command);
}

static int copy_path(char *to, const char *from) {
  return from != NULL && snprintf(to, PATH_MAX, "%s", from) < PATH_MAX;
}

static _Noreturn void become_as_answered(int argc, char **argv, const struct answer *answer) {
  const char *out = answer_field(answer, "out");
  if (out != NULL && write(STDOUT_FILENO, out, strlen(out)) < 0) exit(EXIT_VRIFT_FAILED);
  const char *exit_code = answer_field(answer, "exit");
  if (exit_code != NULL) exit(atoi(exit_code));

  const char *position = answer_field(answer, "command");
  int command = position == NULL ? 0 : atoi(position) + 2;
  if (command < 2 || command >= argc) {
    note("EPROTO: the prepare step named no command; run tools/setup.sh again");
    exit(EXIT_VRIFT_FAILED);
  }
  struct view view = {.phantom = answer_field(answer, "phantom") != NULL};
  if (copy_path(view.preload, answer_field(answer, "preload")) && copy_path(view.index, answer_field(answer, "index")))
    become_with_view(argv + command, &view, answer_field(answer, "stats"));
  if (answer_field(answer, "stats") != NULL) note("the run is not counted: %s runs without the library", argv[command]);
  leave_outer_run();
  become_command(argv + command);
}

int main(int argc, char **argv) {
  char root[PATH_MAX];
  struct answer answer = {0};
  int found = project_root(argv[0], root) == 0;
  if (argc == 3 && strcmp(argv[1], "shell-view") == 0) {
    if (found) shell_view(root, argv[2]);
    return 0;
  }
  if (!found) become_unprepared(argc, argv);

  struct view view = {0};
  int command = command_without_options(argc, argv);
  if (command != 0) {
    enum asked asked = ask_daemon(root, &view);
    if (asked == NOBODY_LISTENS) asked = wait_for_start_turn(root, &view);
    if (asked == VIEW_FOUND) become_with_view(argv + command, &view, NULL);
  }

  prepare(root, argc, argv, &answer);
  if (!answer.ended) become_unprepared(argc, argv);
  become_as_answered(argc, argv, &answer);
}
