#include "counted_run.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../observed/counters.h"
#include "command.h"
#include "counts_text.h"
#include "note.h"

enum { EXIT_FAILED = 125 };

/* The lock says that the file's run goes on. */
static int counters_lock = -1;
static struct counters *counters;
static char counters_path[PATH_MAX];

/* Files of runs that were killed: nobody holds their lock. */
static void remove_left(const char *directory) {
  DIR *listing = opendir(directory);
  if (listing == NULL) return;
  for (struct dirent *record; (record = readdir(listing)) != NULL;) {
    if (record->d_name[0] == '.') continue;
    int fd = openat(dirfd(listing), record->d_name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) continue;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) unlinkat(dirfd(listing), record->d_name, 0);
    close(fd);
  }
  closedir(listing);
}

/* Without a name until it is locked, or another run would take it for one that is left. */
static int make_file(const char *directory) {
  char self[64];
  int fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  /* Above the standard descriptors: COMMAND must find closed what the caller closed. */
  counters_lock = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  if (fd >= 0) close(fd);
  if (counters_lock < 0 || flock(counters_lock, LOCK_EX) < 0) return -1;
  if (ftruncate(counters_lock, sizeof *counters) < 0) return -1;
  counters = mmap(NULL, sizeof *counters, PROT_READ | PROT_WRITE, MAP_SHARED, counters_lock, 0);
  if (counters == MAP_FAILED) return -1;
  counters->magic = VRIFT_COUNTERS_MAGIC;
  snprintf(self, sizeof self, "/proc/self/fd/%d", counters_lock);
  return linkat(AT_FDCWD, self, AT_FDCWD, counters_path, AT_SYMLINK_FOLLOW);
}

int make_counters(const struct view *view) {
  char directory[PATH_MAX];
  const char *name = strrchr(view->index, '/');
  int length = name == NULL ? PATH_MAX : snprintf(directory, sizeof directory, "%.*s/stats", (int)(name - view->index), view->index);
  if (length < PATH_MAX)
    length = snprintf(counters_path, sizeof counters_path, "%.*s/%d", length, directory, (int)getpid());
  errno = ENAMETOOLONG;
  if (length < PATH_MAX && (mkdir(directory, 0700) == 0 || errno == EEXIST)) {
    remove_left(directory);
    if (make_file(directory) == 0) {
      setenv("VRIFT_STATS", counters_path, 1);
      return 0;
    }
  }
  note("the run is not counted: its counters cannot be made at %s: %s", counters_path, strerror(errno));
  if (counters_lock >= 0) close(counters_lock);
  return -1;
}

void count_daemon_question(void) {
  const char *path = getenv("VRIFT_STATS");
  struct stat st;
  if (path == NULL || path[0] != '/') return;
  int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) return;
  if (fstat(fd, &st) == 0 && st.st_uid == geteuid() && (uint64_t)st.st_size == sizeof *counters) {
    struct counters *named = mmap(NULL, sizeof *named, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (named != MAP_FAILED && named->magic == VRIFT_COUNTERS_MAGIC)
      __atomic_fetch_add(&named->daemon, 1, __ATOMIC_RELAXED);
    if (named != MAP_FAILED) munmap(named, sizeof *named);
  }
  close(fd);
}

static void close_range_of(int first, int last) {
  if (first > last || syscall(SYS_close_range, first, last, 0) == 0) return;
  for (int fd = first, limit = (int)sysconf(_SC_OPEN_MAX); fd <= last && fd < limit; fd++) close(fd);
}

/* A pipe whose other end waits for its last holder, a lock, a mount: COMMAND's business alone. */
static void hold_nothing(void) {
  close(STDIN_FILENO);
  close(STDOUT_FILENO);
  close_range_of(STDERR_FILENO + 1, counters_lock - 1);
  close_range_of(counters_lock + 1, INT32_MAX);
  if (chdir("/") < 0) return;
}

/* The terminal and the kernel tell the whole process group; what is sent to this process alone is COMMAND's. */
static void hand_on(pid_t child, const siginfo_t *signal) {
  if (signal->si_signo == SIGCHLD || signal->si_code > 0) return;
  if (signal->si_code == SI_QUEUE)
    sigqueue(child, signal->si_signo, signal->si_value);
  else
    kill(child, signal->si_signo);
}

/* The status COMMAND ended with. All signals are blocked. */
static int wait_for(pid_t child, const sigset_t *all) {
  for (;;) {
    siginfo_t signal;
    int status;
    pid_t changed = waitpid(child, &status, WNOHANG | WUNTRACED);
    if (changed == child && WIFSTOPPED(status)) {
      kill(getpid(), SIGSTOP);
      continue;
    }
    if (changed == child) return status;
    if (changed < 0 && errno != EINTR) return EXIT_FAILED << 8;
    if (sigwaitinfo(all, &signal) > 0) hand_on(child, &signal);
  }
}

static _Noreturn void end_as(int status) {
  if (!WIFSIGNALED(status)) _exit(WEXITSTATUS(status));
  int ended = WTERMSIG(status);
  sigset_t only;
  /* COMMAND has left its core where it was. */
  setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
  signal(ended, SIG_DFL);
  sigemptyset(&only);
  sigaddset(&only, ended);
  kill(getpid(), ended);
  sigprocmask(SIG_UNBLOCK, &only, NULL);
  _exit(128 + ended);
}

static void tell(const char *how) {
  static char text[COUNTS_TEXT_SIZE];
  size_t length = strcmp(how, "text") == 0 ? counts_summary(counters, text) : counts_json(counters, text);
  if (how[0] == '/') {
    int fd = open(how, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0666);
    int written = fd >= 0 && write(fd, text, length) == (ssize_t)length;
    if (written && close(fd) == 0) return;
    note("%s: the counts cannot be written: %s; here they are:", how, strerror(errno));
  }
  if (write(STDERR_FILENO, text, length) < 0) return;
}

void run_counted(char **command, const char *how) {
  sigset_t all, before;
  struct sigaction standard = {.sa_handler = SIG_DFL}, child_before;
  pid_t parent = getpid();
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &before);
  /* Ignored, the kernel would throw away how COMMAND ended. */
  sigaction(SIGCHLD, &standard, &child_before);
  pid_t child = fork();
  if (child == 0) {
    /* A SIGKILL of what the caller takes for COMMAND is one of COMMAND. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(EXIT_FAILED);
    sigaction(SIGCHLD, &child_before, NULL);
    sigprocmask(SIG_SETMASK, &before, NULL);
    become_command(command);
  }
  if (child < 0) {
    note("the run is not counted: %s", strerror(errno));
    unlink(counters_path);
    sigaction(SIGCHLD, &child_before, NULL);
    sigprocmask(SIG_SETMASK, &before, NULL);
    become_command(command);
  }
  hold_nothing();
  int status = wait_for(child, &all);
  unlink(counters_path);
  tell(how);
  end_as(status);
}
