/*
 * spawning FILE: starts `cat FILE` (and shells) in every way there is, mostly with an environment that has nothing in it.
 * What the programs print is compared between a plain and a phantom tree.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char *file;
static char *none[] = {NULL};
static char *search[] = {"PATH=/usr/bin:/bin", NULL};

static void finish(const char *how, pid_t pid) {
  int status;
  waitpid(pid, &status, 0);
  printf("%s: %d\n", how, WIFEXITED(status) ? WEXITSTATUS(status) : -1);
  fflush(stdout);
}

static void exec_as(int kind) {
  char *argv[] = {"cat", file, NULL};
  switch (kind) {
  case 0: execve("/bin/cat", argv, none); break;
  case 1: execve("/bin/cat", argv, search); break;
  case 2: clearenv(); execv("/bin/cat", argv); break;
  case 3: clearenv(); execvp("cat", argv); break;
  case 4: execvpe("cat", argv, none); break;
  case 5: clearenv(); execl("/bin/cat", "cat", file, (char *)NULL); break;
  case 6: clearenv(); execlp("cat", "cat", file, (char *)NULL); break;
  case 7: execle("/bin/cat", "cat", file, (char *)NULL, none); break;
  case 8: fexecve(open("/bin/cat", O_RDONLY | O_CLOEXEC), argv, none); break;
  case 9: syscall(SYS_execve, "/bin/cat", argv, none); break;
  case 10: execveat(AT_FDCWD, "/bin/cat", argv, none, 0); break;
  case 11: execvp("./no-shebang", (char *[]){"no-shebang", file, NULL}); break;
  case 12: execve(file, argv, none); printf("%s\n", strerrorname_np(errno)); break;
  case 13: execvp(file, argv); printf("%s\n", strerrorname_np(errno)); break;
  case 14: execve("nothing", argv, none); printf("%s\n", strerrorname_np(errno)); break;
  }
  fflush(stdout);
  _exit(99);
}

static void by_vfork(void) {
  char *argv[] = {"cat", file, NULL};
  pid_t pid = vfork();
  if (pid == 0) {
    execve("/bin/cat", argv, none);
    _exit(99);
  }
  finish("vfork", pid);
}

/* The child of a vfork changes directory and opens; the parent must not notice. */
static void vfork_elsewhere(void) {
  struct stat before, after;
  int first = stat(file, &before);
  pid_t pid = vfork();
  if (pid == 0) {
    if (chdir("sub") != 0) _exit(98);
    int fd = open("inner", O_RDONLY);
    dup2(fd, 0);
    execle("/bin/cat", "cat", (char *)NULL, none);
    _exit(99);
  }
  finish("vfork elsewhere", pid);
  int second = stat(file, &after);
  printf("same: %d\n", first == second && before.st_ino == after.st_ino);
}

static void spawned(const char *how, const char *path, char *const argv[], posix_spawn_file_actions_t *actions, int searches) {
  pid_t pid;
  fflush(stdout);
  int error = (searches ? posix_spawnp : posix_spawn)(&pid, path, actions, NULL, argv, none);
  if (error != 0) {
    printf("%s: %s\n", how, strerrorname_np(error));
    return;
  }
  finish(how, pid);
}

static void spawns(void) {
  char *cat[] = {"cat", NULL}, *cat_file[] = {"cat", file, NULL}, *inner[] = {"cat", "inner", NULL};
  posix_spawn_file_actions_t actions;
  spawned("posix_spawn", "/bin/cat", cat_file, NULL, 0);
  spawned("posix_spawnp", "cat", cat_file, NULL, 1);
  spawned("posix_spawn of a file", file, cat_file, NULL, 0);
  spawned("posix_spawn of nothing", "nothing", cat_file, NULL, 0);
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, file, O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, "spawn.out", O_WRONLY | O_CREAT | O_TRUNC, 0644);
  spawned("file actions", "/bin/cat", cat, &actions, 0);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addchdir_np(&actions, "sub");
  spawned("addchdir", "/bin/cat", inner, &actions, 0);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawn_file_actions_init(&actions);
  int fd = open(file, O_RDONLY | O_CLOEXEC);
  posix_spawn_file_actions_adddup2(&actions, fd, 0);
  spawned("adddup2", "/bin/cat", cat, &actions, 0);
  posix_spawn_file_actions_destroy(&actions);
}

static void shells(void) {
  char command[4200], line[256];
  snprintf(command, sizeof command, "cat %s", file);
  clearenv();
  fflush(stdout);
  printf("system: %d\n", system(command));
  clearenv();
  FILE *in = popen(command, "r");
  while (in && fgets(line, sizeof line, in)) printf("popen: %s", line);
  printf("pclose: %d\n", in ? pclose(in) : -1);
}

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  file = argv[1];
  for (int kind = 0; kind <= 14; kind++) {
    char how[32];
    snprintf(how, sizeof how, "exec %d", kind);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) exec_as(kind);
    finish(how, pid);
  }
  by_vfork();
  vfork_elsewhere();
  spawns();
  shells();
  return 0;
}
