/*
 * vrift daemon start --foreground: stays beside the daemon, as the first process of a container must. It passes signals on, reaps
 * whatever becomes its child, goes with the daemon to its successor after a hand-over, and ends as the last of them does.
 *
 * Usage: vrift-foreground COMMAND [ARGUMENT...]; the command becomes the daemon.
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the daemon calls itself (src/daemon/vriftd.ts). */
static const char DAEMON_NAME[] = "vriftd";

enum { EXIT_CANNOT_EXECUTE = 126, EXIT_NOT_FOUND = 127, EXIT_SIGNAL = 128 };

static const int PASSED_ON[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};

static void signals(sigset_t *set) {
  sigemptyset(set);
  sigaddset(set, SIGCHLD);
  for (size_t i = 0; i < sizeof PASSED_ON / sizeof PASSED_ON[0]; i++) sigaddset(set, PASSED_ON[i]);
}

/* sd_listen_fds(3): sockets that were passed to us are meant for the daemon. */
static void pass_sockets_on(pid_t parent) {
  char number[16];
  const char *meant = getenv("LISTEN_PID");
  snprintf(number, sizeof number, "%d", (int)parent);
  if (meant == NULL || strcmp(meant, number) != 0) return;
  snprintf(number, sizeof number, "%d", (int)getpid());
  setenv("LISTEN_PID", number, 1);
}

static _Noreturn void become(char **command, pid_t parent, const sigset_t *mask) {
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(EXIT_SIGNAL + SIGTERM);
  pass_sockets_on(parent);
  sigprocmask(SIG_SETMASK, mask, NULL);
  execvp(command[0], command);
  fprintf(stderr, "vrift: %s cannot be started: %s\n", command[0], strerror(errno));
  _exit(errno == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_EXECUTE);
}

/* 1 when `pid` is our child and calls itself a daemon. The name stands in parentheses and ours holds none. */
static int is_daemon_of_ours(const char *pid) {
  char path[300], text[512], name[64];
  int parent;
  snprintf(path, sizeof path, "/proc/%s/stat", pid);
  FILE *file = fopen(path, "re");
  if (file == NULL) return 0;
  int got = fgets(text, sizeof text, file) != NULL && sscanf(text, "%*d (%63[^)]) %*c %d", name, &parent) == 2;
  fclose(file);
  return got && parent == getpid() && strcmp(name, DAEMON_NAME) == 0;
}

/* A successor was the child of the daemon that has ended: it is ours before we hear of that end. 0: there is none. */
static pid_t find_successor(void) {
  pid_t found = 0;
  DIR *processes = opendir("/proc");
  if (processes == NULL) return 0;
  for (const struct dirent *entry; found == 0 && (entry = readdir(processes)) != NULL;)
    if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && is_daemon_of_ours(entry->d_name)) found = atoi(entry->d_name);
  closedir(processes);
  return found;
}

/* How the daemon has ended, if it has; -1 if not. Everybody else's end is collected and forgotten. */
static int reap(pid_t daemon) {
  int how = -1, status;
  for (pid_t ended; (ended = waitpid(-1, &status, WNOHANG)) > 0;)
    if (ended == daemon) how = WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_SIGNAL + WTERMSIG(status);
  return how;
}

int main(int argc, char **argv) {
  sigset_t heard, before;
  if (argc < 2) return EXIT_NOT_FOUND;
  signals(&heard);
  sigprocmask(SIG_BLOCK, &heard, &before);
  /* As the first process we have them all anyhow. */
  prctl(PR_SET_CHILD_SUBREAPER, 1);

  pid_t self = getpid();
  pid_t daemon = fork();
  if (daemon == 0) become(argv + 1, self, &before);
  if (daemon < 0) {
    perror("vrift: fork");
    return EXIT_CANNOT_EXECUTE;
  }
  int ending = 0;
  for (;;) {
    int signal = sigwaitinfo(&heard, NULL);
    if (signal == SIGTERM || signal == SIGINT) ending = signal;
    if (signal > 0 && signal != SIGCHLD) kill(daemon, signal);
    if (signal != SIGCHLD) continue;
    int how = reap(daemon);
    if (how < 0) continue;
    daemon = find_successor();
    if (daemon == 0) return how;
    /* What asked the one before to end was meant for both. */
    if (ending != 0) kill(daemon, ending);
  }
}
