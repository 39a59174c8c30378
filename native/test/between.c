/*
 * Two programs at the same names, at every moment of one of them:
 *
 *   between held FIRST STRIDE   each line of standard input is a case, "SETUP | A | B", each of these operations that are separated by
 *                               commas (empty: none). In a fresh directory SETUP is done; then A, by a process that is stopped at stop
 *                               FIRST, and in another directory FIRST + STRIDE, and so on until A comes to its end before its stop. A
 *                               stop is before or after a system call. While A is stopped another process does B, to its end, or
 *                               up to where it has to wait for A.
 *   between serial              the same cases, B in front of A, and behind it, and where B has more operations between any two.
 *   between show                what is in each directory that standard input names, line by line.
 *
 * The directories are c0, c1, … in the working directory, all alike, used in this order. A line for each run:
 * "CASE STOP DIRECTORY <tab> what each operation said and what is there afterwards".
 *
 * Marks are added between system calls, so the stops are all the moments that anybody else can tell apart.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define OPERATIONS 8
#define TEXT 4096
/* Longer than any operation; one that waits for ever must not. */
#define PATIENCE_S 60

struct operations {
  char text[256];
  char *words[OPERATIONS];
  int count;
};

/* What the processes say, in memory they share. */
static struct said {
  char a[TEXT], b[TEXT], state[TEXT];
} *said;

static int directory;

static void fail(const char *what) {
  fprintf(stderr, "between: %s: %s\n", what, strerror(errno));
  exit(1);
}

static void say(char *out, const char *text) {
  size_t length = strlen(out);
  snprintf(out + length, TEXT - length, "%s", text);
}

static void say_result(char *out, long result) {
  say(out, result < 0 ? strerrorname_np(errno) : "ok");
}

static void say_content(char *out, int fd) {
  char text[64] = "";
  if (fd < 0) return say_result(out, -1);
  if (read(fd, text, sizeof text - 1) < 0) say_result(out, -1);
  for (char *at = text; *at; at++)
    if (*at == '\n') *at = '.';
  say(out, text);
  close(fd);
}

static void operate(const char *operation, char *out) {
  char call[32] = "", one[64] = "", two[64] = "";
  struct stat st;
  sscanf(operation, "%31s %63s %63s", call, one, two);
  say(out, *out ? "," : "");
  errno = 0;
  if (strcmp(call, "rename") == 0) say_result(out, rename(one, two));
  else if (strcmp(call, "noreplace") == 0) say_result(out, renameat2(AT_FDCWD, one, AT_FDCWD, two, RENAME_NOREPLACE));
  else if (strcmp(call, "exchange") == 0) say_result(out, renameat2(AT_FDCWD, one, AT_FDCWD, two, RENAME_EXCHANGE));
  else if (strcmp(call, "unlink") == 0) say_result(out, unlink(one));
  else if (strcmp(call, "rmdir") == 0) say_result(out, rmdir(one));
  else if (strcmp(call, "mkdir") == 0) say_result(out, mkdir(one, 0755));
  else if (strcmp(call, "link") == 0) say_result(out, link(one, two));
  else if (strcmp(call, "symlink") == 0) say_result(out, symlink(one, two));
  else if (strcmp(call, "chmod") == 0) say_result(out, chmod(one, 0600));
  else if (strcmp(call, "truncate") == 0) say_result(out, truncate(one, 1));
  else if (strcmp(call, "stat") == 0) {
    int result = lstat(one, &st);
    say_result(out, result);
    /* The size is not asked of who is being written. */
    if (result == 0) say(out, S_ISDIR(st.st_mode) ? " directory" : S_ISLNK(st.st_mode) ? " link" : " file");
  } else if (strcmp(call, "read") == 0) say_content(out, open(one, O_RDONLY));
  else if (strcmp(call, "keep") == 0) say_content(out, open(one, O_RDONLY | O_CREAT, 0644));
  else if (strcmp(call, "create") == 0 || strcmp(call, "append") == 0 || strcmp(call, "cut") == 0) {
    int flags = *call == 'a' ? O_APPEND : O_CREAT | (call[1] == 'r' ? O_EXCL : O_TRUNC);
    int fd = open(one, O_WRONLY | flags, 0644);
    say_result(out, fd);
    /* Cut only: who reads between that and a write sees neither. */
    if (fd >= 0 && flags != (O_CREAT | O_TRUNC) && write(fd, "new\n", 4) != 4) fail(operation);
    if (fd >= 0) close(fd);
  } else {
    errno = EINVAL;
    fail(operation);
  }
}

static void parse(char *text, struct operations *operations) {
  char *rest;
  operations->count = 0;
  snprintf(operations->text, sizeof operations->text, "%s", text);
  for (char *word = strtok_r(operations->text, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
    if (word[strspn(word, " \n")] == 0) continue;
    if (operations->count == OPERATIONS) fail("too many operations");
    operations->words[operations->count++] = word;
  }
}

static void enter(int number) {
  char name[32];
  snprintf(name, sizeof name, "c%d", number);
  if (chdir(name) != 0) fail(name);
  alarm(PATIENCE_S);
}

static void end_of(pid_t pid, const char *what) {
  int status;
  if (pid < 0 || waitpid(pid, &status, 0) != pid) fail(what);
  if (status != 0) {
    fprintf(stderr, "between: %s in c%d ended with %x\n", what, directory, status);
    exit(1);
  }
}

static void do_all(const struct operations *operations, char *out) {
  pid_t pid = fork();
  if (pid == 0) {
    enter(directory);
    for (int i = 0; i < operations->count; i++) operate(operations->words[i], out);
    _exit(0);
  }
  end_of(pid, "setup");
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static void show_below(const char *path) {
  char *names[64], name[PATH_MAX];
  int count = 0;
  DIR *dir = opendir(path);
  if (!dir) fail(path);
  for (struct dirent *record; (record = readdir(dir)) && count < 64;)
    if (record->d_name[0] != '.') names[count++] = strdup(record->d_name);
  closedir(dir);
  qsort(names, (size_t)count, sizeof *names, by_name);
  for (int i = 0; i < count; i++) {
    struct stat st;
    const char *shown = *path == '.' ? names[i] : name;
    if (*path != '.') snprintf(name, sizeof name, "%s/%s", path, names[i]);
    say(said->state, " ");
    say(said->state, shown);
    if (lstat(shown, &st) != 0) {
      say(said->state, "=listed, ");
      say_result(said->state, -1);
    } else if (S_ISDIR(st.st_mode)) {
      say(said->state, "/");
      show_below(shown);
    } else if (S_ISLNK(st.st_mode)) {
      say(said->state, "->");
    } else {
      char mode[32];
      snprintf(mode, sizeof mode, "=%o,%lu:", st.st_mode & 07777, (unsigned long)st.st_nlink);
      say(said->state, mode);
      say_content(said->state, open(shown, O_RDONLY));
    }
    free(names[i]);
  }
}

/* By a process of its own, which has nothing remembered. */
static void show(void) {
  said->state[0] = 0;
  pid_t pid = fork();
  if (pid == 0) {
    enter(directory);
    show_below(".");
    _exit(0);
  }
  end_of(pid, "looking");
}

static pid_t begin_traced(const struct operations *operations, char *out) {
  int status;
  pid_t pid = fork();
  if (pid == 0) {
    enter(directory);
    if (ptrace(PTRACE_TRACEME, 0, 0, 0) != 0) fail("ptrace");
    raise(SIGSTOP);
    for (int i = 0; i < operations->count; i++) operate(operations->words[i], out);
    _exit(0);
  }
  if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status)) fail("start");
  if (ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL) != 0) fail("ptrace");
  return pid;
}

static struct __ptrace_syscall_info about(pid_t pid) {
  struct __ptrace_syscall_info info;
  if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info) <= 0) fail("ptrace");
  return info;
}

/* To the next stop. False: it has done everything. */
static bool step(pid_t pid) {
  int status;
  if (ptrace(PTRACE_SYSCALL, pid, 0, 0) != 0 || waitpid(pid, &status, 0) != pid) fail("ptrace");
  if (!WIFSTOPPED(status) || WSTOPSIG(status) != (SIGTRAP | 0x80)) {
    fprintf(stderr, "between: in c%d a process ended with %x\n", directory, status);
    exit(1);
  }
  struct __ptrace_syscall_info info = about(pid);
  return info.op != PTRACE_SYSCALL_INFO_ENTRY || info.entry.nr != SYS_exit_group;
}

static void let_go(pid_t pid) {
  if (ptrace(PTRACE_DETACH, pid, 0, 0) != 0) fail("ptrace");
}

/* Is it about to wait for a lock that another process holds? */
static bool would_wait(pid_t pid) {
  struct __ptrace_syscall_info info = about(pid);
  char name[64];
  struct flock range;
  if (info.op != PTRACE_SYSCALL_INFO_ENTRY || info.entry.nr != SYS_fcntl || info.entry.args[1] != F_OFD_SETLKW) return false;
  struct iovec here = {&range, sizeof range}, there = {(void *)(uintptr_t)info.entry.args[2], sizeof range};
  if (process_vm_readv(pid, &here, 1, &there, 1, 0) != sizeof range) fail("process_vm_readv");
  if (range.l_type == F_UNLCK) return false;
  snprintf(name, sizeof name, "/proc/%d/fd/%d", pid, (int)info.entry.args[0]);
  int fd = open(name, O_RDWR | O_CLOEXEC);
  if (fd < 0 || fcntl(fd, F_OFD_GETLK, &range) != 0) fail(name);
  close(fd);
  return range.l_type != F_UNLCK;
}

/* True when A came to its end before its stop. */
static bool hold(const struct operations *a, const struct operations *b, int last) {
  pid_t held = begin_traced(a, said->a);
  bool done = false;
  /* The first stop is the end of the call that stopped it. */
  for (int stop = -1; stop < last && !done; stop++) done = !step(held);
  pid_t other = begin_traced(b, said->b);
  while (step(other))
    if (would_wait(other)) break;
  let_go(other);
  let_go(held);
  end_of(held, "A");
  end_of(other, "B");
  return done;
}

static void print(int number, int stop) {
  show();
  printf("%d %d c%d\t%s | %s |%s\n", number, stop, directory++, said->a, said->b, said->state);
}

static void begin(const struct operations *setup) {
  char ignored[TEXT] = "";
  said->a[0] = said->b[0] = 0;
  if (setup->count > 0) do_all(setup, ignored);
}

static void serially(int number, const struct operations *setup, const struct operations *a, const struct operations *b) {
  for (int before = 0; before <= b->count; before++) {
    struct operations first = *b, last = *b;
    first.count = before;
    last.count = b->count - before;
    memmove(last.words, b->words + before, (size_t)last.count * sizeof *last.words);
    begin(setup);
    do_all(&first, said->b);
    do_all(a, said->a);
    do_all(&last, said->b);
    print(number, before);
  }
}

static void show_named(void) {
  char line[64];
  while (fgets(line, sizeof line, stdin)) {
    if (sscanf(line, "c%d", &directory) != 1) fail(line);
    show();
    printf("c%d\t%s\n", directory, said->state);
  }
}

int main(int count, char **words) {
  char line[1024];
  if (count < 2 || (strcmp(words[1], "held") == 0 && count != 4)) return 2;
  said = mmap(NULL, sizeof *said, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (said == MAP_FAILED) fail("mmap");
  /* A child must not write it once more. */
  setvbuf(stdout, NULL, _IOLBF, 0);
  if (strcmp(words[1], "show") == 0) {
    show_named();
    return 0;
  }
  for (int number = 0; fgets(line, sizeof line, stdin); number++) {
    struct operations setup, a, b;
    char *rest, *part = line;
    parse(strsep(&part, "|"), &setup);
    rest = part;
    if (!rest) fail(line);
    parse(strsep(&rest, "|"), &a);
    if (!rest) fail(line);
    parse(rest, &b);
    if (strcmp(words[1], "serial") == 0) {
      serially(number, &setup, &a, &b);
      continue;
    }
    bool done = false;
    for (int stop = atoi(words[2]); !done; stop += atoi(words[3])) {
      begin(&setup);
      done = hold(&a, &b, stop);
      print(number, stop);
    }
  }
  return 0;
}
