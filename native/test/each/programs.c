#include <spawn.h>

#include "each.h"

/* Each starts this program again with `--sees file` and an environment that has nothing in it. */
static char *const arguments[] = {self, "--sees", "file", NULL};
static char *const nothing[] = {NULL};

static bool succeeds(pid_t pid) {
  int status;
  return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

#define IN_CHILD(name, attempt) \
  static int name(void *call) { \
    pid_t pid = fork(); \
    if (pid == 0) { \
      clearenv(); \
      attempt; \
      _exit(99); \
    } \
    return succeeds(pid); \
  }
IN_CHILD(by_execve, ((int (*)(const char *, char *const *, char *const *))call)(self, arguments, nothing))
IN_CHILD(by_execv, ((int (*)(const char *, char *const *))call)(self, arguments))
IN_CHILD(by_execl, ((int (*)(const char *, const char *, ...))call)(self, self, "--sees", "file", (char *)NULL))
IN_CHILD(by_execle, ((int (*)(const char *, const char *, ...))call)(self, self, "--sees", "file", (char *)NULL, nothing))
IN_CHILD(by_execveat, ((int (*)(int, const char *, char *const *, char *const *, int))call)(AT_FDCWD, self, arguments, nothing, 0))
IN_CHILD(by_fexecve, ((int (*)(int, char *const *, char *const *))call)(open(self, O_RDONLY), arguments, nothing))

static int spawns(void *call) {
  pid_t pid;
  typedef int (*spawner)(pid_t *, const char *, const void *, const void *, char *const *, char *const *);
  return ((spawner)call)(&pid, self, NULL, NULL, arguments, nothing) == 0 && succeeds(pid);
}
static int opens_in_child(void *call) {
  posix_spawn_file_actions_t actions;
  char *const reading[] = {self, "--reads", NULL};
  pid_t pid;
  typedef int (*adder)(posix_spawn_file_actions_t *, int, const char *, int, mode_t);
  posix_spawn_file_actions_init(&actions);
  return ((adder)call)(&actions, 0, "file", O_RDONLY, 0) == 0 &&
         posix_spawn(&pid, self, &actions, NULL, reading, nothing) == 0 && succeeds(pid);
}

static char command[PATH_MAX + 32];
static int shells(void *call) {
  clearenv();
  snprintf(command, sizeof command, "'%s' --sees file", self);
  return ((int (*)(const char *))call)(command) == 0;
}
static int pipes(void *call) {
  clearenv();
  snprintf(command, sizeof command, "'%s' --sees file", self);
  FILE *out = ((FILE * (*)(const char *, const char *))call)(command, "r");
  return out && pclose(out) == 0;
}

static int asks_kernel(void *call) {
  struct stat st;
  long (*ask)(long, ...) = (long (*)(long, ...))call;
  return ask(SYS_stat, "file", &st) == 0 && st.st_size == CONTENT_SIZE && ask(SYS_getpid) == getpid();
}

const struct row program_rows[] = {
    {"execve", by_execve},
    {"execv", by_execv},
    {"execvp", by_execv},
    {"execvpe", by_execve},
    {"execl", by_execl},
    {"execlp", by_execl},
    {"execle", by_execle},
    {"execveat", by_execveat},
    {"fexecve", by_fexecve},
    {"posix_spawn", spawns},
    {"posix_spawnp", spawns},
    {"posix_spawn_file_actions_addopen", opens_in_child},
    {"system", shells},
    {"popen", pipes},
    {"_IO_popen", pipes},
    {"syscall", asks_kernel},
    {NULL, NULL},
};
