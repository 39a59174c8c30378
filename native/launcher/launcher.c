/*
 * vrift run: a child (Node) finds the workspace and prints what COMMAND needs; this process then becomes COMMAND.
 *
 * It ends in exec so that pid, process group, terminal, inherited descriptors, limits, signal mask and dispositions stay
 * exactly as the caller made them: no disposition is changed here, not even for a moment. What Node does to its own
 * process (it raises RLIMIT_NOFILE, resets signals, uses descriptors) ends with the child.
 *
 * The child says, each field ending in NUL:   (written by src/cli/run-prepare.ts)
 *   out=TEXT      to be printed on standard output
 *   exit=N        do not run anything, exit with N
 *   command=N     position of COMMAND among the arguments after `run`
 *   preload=PATH  the library, and
 *   index=PATH    the index it maps; both absent: COMMAND runs without the library
 *   phantom=1     the tree has files that only the library shows
 *   end           the child has nothing left to do
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../inception/elf_check.h"

enum { EXIT_VRIFT_FAILED = 125, EXIT_NOT_EXECUTABLE = 126, EXIT_NOT_FOUND = 127 };
enum { ANSWER_MAX = 1 << 20, RUN_ID_BYTES = 8 };

struct answer {
  char *text;
  size_t length;
  int ended;
};

static void note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* One write, so that lines of several processes do not mix; stdio would keep state across exec for nothing. */
static void note(const char *format, ...) {
  char line[8192] = "vrift: ";
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(line + 7, sizeof line - 8, format, arguments);
  va_end(arguments);
  size_t end = length < 0 ? 7 : 7 + (size_t)length;
  if (end > sizeof line - 2) end = sizeof line - 2;
  line[end++] = '\n';
  ssize_t ignored = write(STDERR_FILENO, line, end);
  (void)ignored;
}

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

static int is_our_library(const char *path, size_t length) {
  static const char name[] = "libvrift_inception.so";
  size_t n = sizeof name - 1;
  return length >= n && memcmp(path + length - n, name, n) == 0 && (length == n || path[length - n - 1] == '/');
}

/*
 * `first` and then what LD_PRELOAD named before, without any vrift library of an outer run (or of another build: two of
 * them in one process would answer each other's calls). NULL when nothing is left.
 */
static char *preload_list(const char *first, const char *before) {
  if (before == NULL) before = "";
  char *list = malloc(strlen(first) + strlen(before) + 2);
  if (list == NULL) return NULL;
  char *end = stpcpy(list, first);
  while (*before != 0) {
    size_t length = strcspn(before, ": ");
    if (length > 0 && !is_our_library(before, length)) {
      if (end != list) *end++ = ':';
      end = mempcpy(end, before, length);
    }
    before += length;
    before += strspn(before, ": ");
  }
  *end = 0;
  if (end == list) {
    free(list);
    return NULL;
  }
  return list;
}

static void set_preload(const char *first) {
  char *list = preload_list(first, getenv("LD_PRELOAD"));
  if (list == NULL) {
    unsetenv("LD_PRELOAD");
  } else {
    setenv("LD_PRELOAD", list, 1);
    free(list);
  }
}

/* The empty VRIFT_INDEX tells a library that is loaded in this very process not to add itself again on exec. */
static void leave_outer_run(void) {
  if (getenv("VRIFT_INDEX") == NULL) return;
  set_preload("");
  setenv("VRIFT_INDEX", "", 1);
}

static void close_from(int first) {
  if (syscall(SYS_close_range, first, ~0u, 0) == 0) return;
  for (int fd = first, limit = (int)sysconf(_SC_OPEN_MAX); fd < limit; fd++) close(fd);
}

/*
 * In the child. Descriptors 3 and up are closed because the daemon may be started below here and would keep a lock or a
 * jobserver open for ever; the signal mask is emptied because the daemon would inherit it too.
 */
static _Noreturn void become_prepare(int result, pid_t parent, const char *root, int argc, char **argv) {
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(EXIT_VRIFT_FAILED);

  int input = open("/dev/null", O_RDWR);
  if (input < 0 || dup2(input, STDIN_FILENO) < 0 || dup2(result, STDOUT_FILENO) < 0) _exit(EXIT_VRIFT_FAILED);
  if (fcntl(STDERR_FILENO, F_GETFD) < 0) dup2(input, STDERR_FILENO);
  close_from(3);

  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);

  char script[PATH_MAX + 32];
  snprintf(script, sizeof script, "%s/dist/src/cli/main.js", root);
  char **arguments = calloc((size_t)argc + 3, sizeof *arguments);
  if (arguments == NULL) _exit(EXIT_VRIFT_FAILED);
  arguments[0] = "node";
  arguments[1] = script;
  arguments[2] = "run-prepare";
  for (int i = 2; i < argc; i++) arguments[i + 1] = argv[i];
  unsetenv("NODE_OPTIONS");
  leave_outer_run();
  execvp("node", arguments);
  note("ENOENT: node cannot be started: %s", strerror(errno));
  _exit(EXIT_VRIFT_FAILED);
}

/* Reads until `end` or the end of the pipe, whichever is first. */
static void read_answer(int fd, struct answer *answer) {
  size_t capacity = 0;
  for (;;) {
    if (answer->length + 1 >= capacity) {
      capacity = capacity == 0 ? 16384 : capacity * 2;
      char *grown = capacity > ANSWER_MAX ? NULL : realloc(answer->text, capacity);
      if (grown == NULL) return;
      answer->text = grown;
    }
    ssize_t got = read(fd, answer->text + answer->length, capacity - answer->length - 1);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return;
    answer->length += (size_t)got;
    answer->text[answer->length] = 0;
    static const char terminator[] = "\0end";
    if (answer->length >= 5 && memcmp(answer->text + answer->length - 5, terminator, 5) == 0) {
      answer->ended = 1;
      return;
    }
  }
}

/* Value of the first field `name=…`, or NULL. */
static const char *field(const struct answer *answer, const char *name) {
  size_t n = strlen(name);
  for (size_t at = 0; at < answer->length; at += strlen(answer->text + at) + 1) {
    const char *text = answer->text + at;
    if (strncmp(text, name, n) == 0 && text[n] == '=') return text + n + 1;
  }
  return NULL;
}

/* A child that was asked to end takes us along; where the caller made us ignore that signal, we go on. */
static void follow_signal(int status) {
  if (!WIFSIGNALED(status)) return;
  int signal = WTERMSIG(status);
  if (signal == SIGINT || signal == SIGTERM || signal == SIGHUP || signal == SIGQUIT) raise(signal);
}

static void prepare(const char *root, int argc, char **argv, struct answer *answer) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return;
  pid_t parent = getpid();
  pid_t child = fork();
  if (child == 0) {
    int result = fcntl(ends[1], F_DUPFD, 3);
    become_prepare(result, parent, root, argc, argv);
  }
  close(ends[1]);
  if (child > 0) {
    read_answer(ends[0], answer);
    /* All is said: Node's own tear-down would only cost the user milliseconds. */
    if (answer->ended) kill(child, SIGKILL);
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
    if (!answer->ended) follow_signal(status);
  }
  close(ends[0]);
}

/* Where COMMAND begins when the child could not tell: only what cannot be misread. */
static int command_without_help(int argc, char **argv) {
  if (argc > 2 && argv[2][0] != '-') return 2;
  for (int i = 2; i + 1 < argc && argv[i][0] == '-'; i++) {
    if (strcmp(argv[i], "--") == 0) return i + 1;
  }
  return 0;
}

static void set_run_id(void) {
  unsigned char bytes[RUN_ID_BYTES];
  char text[2 * RUN_ID_BYTES + 1];
  if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes) {
    snprintf(text, sizeof text, "%016lx", (unsigned long)getpid());
  } else {
    for (int i = 0; i < RUN_ID_BYTES; i++) snprintf(text + 2 * i, 3, "%02x", bytes[i]);
  }
  setenv("VRIFT_RUN", text, 1);
}

static void inject(const char *preload, const char *index) {
  set_preload(preload);
  setenv("VRIFT_INDEX", index, 1);
  set_run_id();
  /* Node 20 would open and stat through the ring, where no library can see it. */
  setenv("UV_USE_IO_URING", "0", 0);
}

/* The file execvp will find, for the look at it only. */
static int find_command(const char *name, char *path, size_t size) {
  if (strchr(name, '/') != NULL) return snprintf(path, size, "%s", name) < (int)size ? 0 : -1;
  const char *search = getenv("PATH");
  if (search == NULL) search = "/bin:/usr/bin";
  for (;;) {
    int length = (int)strcspn(search, ":");
    int written = snprintf(path, size, "%.*s%s%s", length, search, length == 0 ? "" : "/", name);
    if (written < (int)size && access(path, X_OK) == 0) return 0;
    if (search[length] == 0) return -1;
    search += length + 1;
  }
}

/* Follows `#!` as the kernel does. What `env` and its like start in turn is the library's to tell. */
static int is_static_program(const char *path) {
  uint8_t head[ELF_CHECK_BYTES];
  char interpreter[PATH_MAX];
  for (int level = 0; level < 5; level++) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return 0;
    ssize_t got = pread(fd, head, sizeof head, 0);
    close(fd);
    if (got <= 0) return 0;
    enum elf_check kind = elf_check(head, (size_t)got);
    if (kind != ELF_SCRIPT) return kind == ELF_STATIC;
    if (elf_check_interpreter(head, (size_t)got, interpreter, sizeof interpreter) == 0) return 0;
    path = interpreter;
  }
  return 0;
}

static void warn_when_static(const char *name) {
  char path[PATH_MAX];
  if (find_command(name, path, sizeof path) != 0 || !is_static_program(path)) return;
  note("%s is statically linked and sees only the files that are really there; run it with: vrift run --hydrate -- %s",
       name, name);
}

static _Noreturn void become_command(char **command) {
  execvp(command[0], command);
  int reason = errno;
  if (reason == ENOENT) {
    note("ENOENT: %s: no such command", command[0]);
    exit(EXIT_NOT_FOUND);
  }
  note("EACCES: %s: cannot be executed: %s", command[0], strerror(reason));
  exit(EXIT_NOT_EXECUTABLE);
}

int main(int argc, char **argv) {
  char root[PATH_MAX];
  struct answer answer = {0};
  if (project_root(argv[0], root) == 0) prepare(root, argc, argv, &answer);

  if (!answer.ended) {
    int command = command_without_help(argc, argv);
    if (command == 0) {
      note("VRIFT_NO_DAEMON: preparing the run failed; the reason is above");
      return EXIT_VRIFT_FAILED;
    }
    note("VRIFT_NO_DAEMON: preparing the run failed; %s runs without vrift", argv[command]);
    become_command(argv + command);
  }

  const char *out = field(&answer, "out");
  if (out != NULL && write(STDOUT_FILENO, out, strlen(out)) < 0) return EXIT_VRIFT_FAILED;
  const char *exit_code = field(&answer, "exit");
  if (exit_code != NULL) return atoi(exit_code);

  const char *position = field(&answer, "command");
  int command = position == NULL ? 0 : atoi(position) + 2;
  if (command < 2 || command >= argc) {
    note("EPROTO: the prepare step named no command; run tools/setup.sh again");
    return EXIT_VRIFT_FAILED;
  }
  const char *preload = field(&answer, "preload");
  const char *index = field(&answer, "index");
  if (preload != NULL && index != NULL) {
    inject(preload, index);
    if (field(&answer, "phantom") != NULL) warn_when_static(argv[command]);
  } else {
    leave_outer_run();
  }
  become_command(argv + command);
}
