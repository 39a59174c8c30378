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

/* A descriptor the child inherits is the file's from then on, in both. */
static __attribute__((noinline)) pid_t start(pid_t (*forker)(void)) {
  pid_t pid = forker();
  if (pid == 0) _exit(0);
  return pid;
}
static int forks(void *call) {
  int fd = open("file", O_RDONLY);
  char text[64];
  if (read(fd, text, 3) != 3) return 0;
  int copy = dup(fd);
  pid_t pid = start((pid_t(*)(void))call);
  return succeeds(pid) && is_the_file(fd, "file") && is_the_file(copy, "file") && read(fd, text, 2) == 2 &&
         text[0] == CONTENT[3] && lseek(copy, 0, SEEK_CUR) == 5;
}

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
    {"fork", forks},
    {"__fork", forks},
    {"_Fork", forks},
    {"vfork", forks},
    {"__vfork", forks},
    {"posix_spawn", spawns},
    {"posix_spawnp", spawns},
    {"posix_spawn_file_actions_addopen", opens_in_child},
    {"system", shells},
    {"popen", pipes},
    {"_IO_popen", pipes},
    {"syscall", asks_kernel},
    {NULL, NULL},
};
