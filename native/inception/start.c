/*
 * First constructor of the process (-z initfirst): libc's `environ` is not set yet, so the environment comes from the
 * arguments that glibc hands to constructors. musl hands none, but has set `environ`.
 */
#include "cwd.h"
#include "descriptors.h"
#include "environment.h"
#include "notice.h"
#include "own_changes.h"
#include "view.h"
#ifdef VRIFT_OBSERVED
#include "../observed/observe.h"
#else
#define observe_start(envp) ((void)0)
#define observe_started(has_view) ((void)0)
#endif

extern const char *gnu_get_libc_version(void) __attribute__((weak));

/* It is about this very exec: a child that inherits it by way of libc (system, popen) would read wrong things in it. */
static void forget_variable(char **envp, const char *value) {
  for (; *envp != 0 && (value < *envp || value > *envp + sizeof "VRIFT_FDS="); envp++) continue;
  for (; *envp != 0; envp++) envp[0] = envp[1];
}

__attribute__((constructor)) static void start(int argc, char **argv, char **envp) {
  (void)argc;
  (void)argv;
  if (&gnu_get_libc_version == 0) envp = environment_own();
  if (envp == 0) return;
  const char *index = environment_value(envp, "VRIFT_INDEX"), *descriptors = environment_value(envp, "VRIFT_FDS");
  if (descriptors != 0) forget_variable(envp, descriptors);
  if (index == 0) return;
  environment_start(envp);
  if (index[0] != 0) observe_start(envp);
  view_open(index);
  const struct view *view = view_current();
  observe_started(view != 0);
  if (view == 0) return;
  cwd_start();
  notice_start(environment_value(envp, "VRIFT_RUN"));
  if (descriptors != 0) descriptors_read(view, descriptors);
  if (view->solid) own_changes_inherited(view);
}
