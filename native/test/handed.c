/*
 * handed: descriptors of files on every way they can go, and calls from threads, forks in threads and signal handlers. Works in a directory with
 * `file`, `same` (of equal content), `other` and the directory `sub` with `inner`. Prints a line for each thing looked at: its name and whether
 * it is as it should be; a plain tree and a phantom one must print the same.
 *   handed --inherited FD PATH    is FD the file at PATH? for programs that are started
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static void say(const char *what, bool right) {
  printf("%s: %s\n", what, right ? "yes" : "NO");
  fflush(stdout);
}

static bool same_file(const struct stat *a, const struct stat *b) {
  return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_mode == b->st_mode && a->st_size == b->st_size &&
         a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
         a->st_nlink == b->st_nlink && a->st_uid == b->st_uid;
}

/* fstat, statx and /proc say of the descriptor what stat says of the path. */
static bool agrees(int fd, const char *path) {
  struct stat by_name, by_descriptor, by_proc;
  struct statx extended;
  char name[64], link[PATH_MAX], real[PATH_MAX];
  if (fd < 0 || stat(path, &by_name) != 0 || fstat(fd, &by_descriptor) != 0 || !same_file(&by_name, &by_descriptor)) return false;
  if (statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &extended) != 0 || extended.stx_ino != by_name.st_ino) return false;
  snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(name, link, sizeof link - 1);
  if (length <= 0 || stat(name, &by_proc) != 0 || !same_file(&by_name, &by_proc)) return false;
  link[length] = 0;
  return realpath(path, real) != NULL && strcmp(real, link) == 0;
}

static bool in_child(bool (*check)(int, const char *), int fd, const char *path) {
  int status;
  pid_t pid = fork();
  if (pid == 0) _exit(check(fd, path) ? 0 : 1);
  return waitpid(pid, &status, 0) == pid && status == 0;
}

static bool started(int fd, const char *path, bool forget) {
  char number[16], self[PATH_MAX];
  int status;
  snprintf(number, sizeof number, "%d", fd);
  char *argv[] = {"handed", "--inherited", number, (char *)path, NULL}, *none[] = {NULL};
  if (realpath("/proc/self/exe", self) == NULL) return false;
  extern char **environ;
  pid_t pid = vfork();
  if (pid == 0) {
    execve(self, argv, forget ? none : environ);
    _exit(99);
  }
  return waitpid(pid, &status, 0) == pid && status == 0;
}

static bool closed(int fd) { return fcntl(fd, F_GETFD) == -1 && errno == EBADF; }

static void copies(void) {
  int fd = open("file", O_RDONLY), equal = open("same", O_RDONLY);
  say("open", agrees(fd, "file") && agrees(equal, "same"));
  say("dup", agrees(dup(fd), "file") && agrees(dup(equal), "same"));
  int taken = open("other", O_RDONLY);
  say("dup2 onto another", dup2(equal, taken) == taken && agrees(taken, "same"));
  say("dup2 onto itself", dup2(fd, fd) == fd && agrees(fd, "file"));
  say("dup3", agrees(dup3(fd, 90, O_CLOEXEC), "file") && (fcntl(90, F_GETFD) & FD_CLOEXEC) != 0);
  say("fcntl", agrees(fcntl(equal, F_DUPFD, 200), "same") && agrees(fcntl(fd, F_DUPFD_CLOEXEC, 201), "file"));
  say("a chain of copies", agrees(dup(dup(dup(fcntl(equal, F_DUPFD, 300)))), "same"));
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max < 6000 ? limit.rlim_max : 6000;
  setrlimit(RLIMIT_NOFILE, &limit);
  int other = open("other", O_RDONLY);
  say("a high number", limit.rlim_cur < 6000 || agrees(dup2(other, 5000), "other"));
}

static void families(void) {
  int fd = open("file", O_RDONLY), equal = open("same", O_RDONLY);
  say("fork", in_child(agrees, fd, "file") && in_child(agrees, equal, "same") && agrees(fd, "file"));
  say("exec", started(fd, "file", false) && started(equal, "same", false));
  say("exec without an environment", started(fd, "file", true) && started(equal, "same", true));
  fcntl(fd, F_SETFD, FD_CLOEXEC);
  say("close on exec", !started(fd, "file", false) && agrees(fd, "file"));
}

static void ends(void) {
  int fd = fcntl(open("file", O_RDONLY), F_DUPFD, 400);
  say("close_range", syscall(SYS_close_range, 400, 4095, 0) == 0 && closed(fd));
  say("its number again, another file", dup2(open("other", O_RDONLY), fd) == fd && agrees(fd, "other"));
  say("close_range of libc, for exec", close_range(fd, fd, CLOSE_RANGE_CLOEXEC) == 0 && agrees(fd, "other") && !started(fd, "other", false));
  int ends[2];
  struct stat st;
  syscall(SYS_close, fd);
  say("its number again, a pipe", pipe(ends) == 0 && dup2(ends[0], fd) == fd && fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode));
  closefrom(400);
  say("closefrom", closed(fd));
}

static bool send_descriptor(int socket, int fd) {
  char byte = 0, room[CMSG_SPACE(sizeof fd)] = {0};
  struct iovec data = {&byte, 1};
  struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room};
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof fd);
  memcpy(CMSG_DATA(header), &fd, sizeof fd);
  return sendmsg(socket, &message, 0) == 1;
}

static int receive_descriptor(int socket) {
  int fd = -1;
  char byte, room[CMSG_SPACE(sizeof fd)];
  struct iovec data = {&byte, 1};
  struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room};
  if (recvmsg(socket, &message, 0) == 1 && CMSG_FIRSTHDR(&message)) memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
  return fd;
}

/* What comes without a name is known by its content: a content that only one file has. */
static void passed(void) {
  int pair[2], status;
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) return;
  pid_t pid = fork();
  if (pid == 0) {
    close(pair[0]);
    int received = receive_descriptor(pair[1]), own = open("sub/inner", O_RDONLY);
    bool right = agrees(received, "other") && send_descriptor(pair[1], own);
    _exit(right ? 0 : 1);
  }
  close(pair[1]);
  bool sent = send_descriptor(pair[0], open("other", O_RDONLY));
  int received = receive_descriptor(pair[0]);
  say("over a socket, there", waitpid(pid, &status, 0) == pid && status == 0 && sent);
  say("over a socket, and back", agrees(received, "sub/inner"));
}

static void places(void) {
  char link[PATH_MAX] = "", real[PATH_MAX], path[PATH_MAX + 32];
  struct stat st, other;
  getcwd(real, sizeof real);
  say("/proc/self/cwd", readlink("/proc/self/cwd", link, sizeof link - 1) > 0 && strcmp(link, real) == 0);
  say("/proc/self/cwd/file", stat("/proc/self/cwd/file", &st) == 0 && stat("file", &other) == 0 && same_file(&st, &other));
  int fd = open("/proc/self/cwd/sub/inner", O_RDONLY);
  say("opened through it", agrees(fd, "sub/inner"));
  snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)getpid(), fd);
  memset(link, 0, sizeof link);
  say("/proc/PID/fd", readlink(path, link, sizeof link - 1) > 0 && strcmp(link + strlen(link) - 10, "/sub/inner") == 0);
  snprintf(path, sizeof path, "/dev/fd/%d", fd);
  say("/dev/fd opened again", agrees(open(path, O_RDONLY), "sub/inner"));
  int directory = open("sub", O_RDONLY | O_DIRECTORY);
  snprintf(path, sizeof path, "/proc/self/fd/%d/inner", directory);
  say("below a directory's descriptor", stat(path, &st) == 0 && fstatat(directory, "inner", &other, 0) == 0 && same_file(&st, &other));
}

/* Everything a handler or a thread may do with files. */
static bool round_of_calls(void) {
  struct stat st, by_descriptor;
  char byte;
  if (stat("sub/inner", &st) != 0 || access("file", R_OK) != 0 || access("none", F_OK) == 0) return false;
  int fd = open("sub/inner", O_RDONLY | O_CLOEXEC);
  bool right = fd >= 0 && fstat(fd, &by_descriptor) == 0 && same_file(&st, &by_descriptor) && read(fd, &byte, 1) == 1;
  if (fd >= 0) close(fd);
  return right;
}

static volatile sig_atomic_t handled, failed;
static void handler(int signal) {
  (void)signal;
  int kept = errno;
  if (!round_of_calls()) failed = 1;
  handled = handled + 1;
  errno = kept;
}

static void signals(void) {
  struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
  struct itimerval often = {{0, 150}, {0, 150}}, never = {{0, 0}, {0, 0}};
  sigaction(SIGALRM, &action, NULL);
  setitimer(ITIMER_REAL, &often, NULL);
  bool right = true;
  for (int round = 0; (round < 300 || handled < 50) && right; round++) {
    struct stat st;
    errno = 0;
    right = round_of_calls() && lstat("none", &st) == -1 && errno == ENOENT;
    DIR *listing = opendir("sub");
    int names = 0;
    while (listing && readdir(listing)) names++;
    if (listing) closedir(listing);
    right = right && names == 3;
    if (round % 16 == 0) {
      int fd = open("changed", O_WRONLY | O_APPEND);
      right = right && fd >= 0 && write(fd, "x", 1) == 1;
      close(fd);
      unlink("made");
      fd = open("made", O_WRONLY | O_CREAT | O_EXCL, 0644);
      right = right && fd >= 0;
      close(fd);
    }
  }
  setitimer(ITIMER_REAL, &never, NULL);
  say("signal handlers that stat, open and read", right && !failed);
}

static __attribute__((noinline)) bool in_vfork_child(void) {
  int status;
  pid_t pid = vfork();
  if (pid == 0) _exit(access("file", R_OK) == 0 ? 0 : 1);
  return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static void *thread(void *given) {
  bool *right = given;
  for (int round = 0; round < 200 && *right; round++) {
    *right = round_of_calls();
    if (round % 20 != 0) continue;
    int status;
    pid_t pid = fork();
    if (pid == 0) _exit(round_of_calls() ? 0 : 1);
    *right = *right && pid > 0 && waitpid(pid, &status, 0) == pid && status == 0 && in_vfork_child();
  }
  return NULL;
}

static void threads(void) {
  enum { THREADS = 6 };
  pthread_t all[THREADS];
  bool right[THREADS], whole = true;
  for (int i = 0; i < THREADS; i++) {
    right[i] = true;
    pthread_create(&all[i], NULL, thread, &right[i]);
  }
  for (int i = 0; i < THREADS; i++) {
    pthread_join(all[i], NULL);
    whole = whole && right[i];
  }
  say("threads, and forks in them", whole);
}

int main(int argc, char **argv) {
  if (argc == 4 && strcmp(argv[1], "--inherited") == 0) return agrees(atoi(argv[2]), argv[3]) ? 0 : 1;
  copies();
  families();
  ends();
  passed();
  places();
  signals();
  threads();
  return 0;
}
