/*
 * escapes ROOT COMMAND…: runs a command and all it starts, and looks at every system call that takes a path, while it is made. A
 * call on a name below ROOT is in order when it is made by the injected library, or by libc while a function of the library
 * waits for it (a return address on the stack). Prints what is not, one a line, then what was counted,
 * on stdout, or at the end of the file that ESCAPES_REPORT names:
 *
 *   escape COMMAND NUMBER PATH MAPPING
 *   calls N library N behind-library N loader N spawned N
 *
 * loader: the dynamic linker looks for shared objects, which are physical. spawned: libc's child of posix_spawn, whose program and
 * files were made physical before. Both are the kernel's by nature (docs/interception.md).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATH_SIZE 4096
#define TASKS 4096
/* Frames of the library are near the call; a stack that is deeper below it is the program's. */
#define STACK_WORDS 16384
#define NO (-1)

/* Which arguments hold a directory's descriptor and a path, once or twice. */
static const struct path_call {
  int number, directory, path, directory2, path2;
} calls[] = {
    {SYS_open, NO, 0, NO, NO},          {SYS_stat, NO, 0, NO, NO},        {SYS_lstat, NO, 0, NO, NO},
    {SYS_access, NO, 0, NO, NO},        {SYS_execve, NO, 0, NO, NO},      {SYS_truncate, NO, 0, NO, NO},
    {SYS_chdir, NO, 0, NO, NO},         {SYS_rename, NO, 0, NO, 1},       {SYS_mkdir, NO, 0, NO, NO},
    {SYS_rmdir, NO, 0, NO, NO},         {SYS_creat, NO, 0, NO, NO},       {SYS_link, NO, 0, NO, 1},
    {SYS_unlink, NO, 0, NO, NO},        {SYS_symlink, NO, 1, NO, NO},     {SYS_readlink, NO, 0, NO, NO},
    {SYS_chmod, NO, 0, NO, NO},         {SYS_chown, NO, 0, NO, NO},       {SYS_lchown, NO, 0, NO, NO},
    {SYS_utime, NO, 0, NO, NO},         {SYS_mknod, NO, 0, NO, NO},       {SYS_statfs, NO, 0, NO, NO},
    {SYS_setxattr, NO, 0, NO, NO},      {SYS_lsetxattr, NO, 0, NO, NO},   {SYS_getxattr, NO, 0, NO, NO},
    {SYS_lgetxattr, NO, 0, NO, NO},     {SYS_listxattr, NO, 0, NO, NO},   {SYS_llistxattr, NO, 0, NO, NO},
    {SYS_removexattr, NO, 0, NO, NO},   {SYS_lremovexattr, NO, 0, NO, NO}, {SYS_utimes, NO, 0, NO, NO},
    {SYS_inotify_add_watch, NO, 1, NO, NO}, {SYS_openat, 0, 1, NO, NO},   {SYS_mkdirat, 0, 1, NO, NO},
    {SYS_mknodat, 0, 1, NO, NO},        {SYS_fchownat, 0, 1, NO, NO},     {SYS_futimesat, 0, 1, NO, NO},
    {SYS_newfstatat, 0, 1, NO, NO},     {SYS_unlinkat, 0, 1, NO, NO},     {SYS_renameat, 0, 1, 2, 3},
    {SYS_linkat, 0, 1, 2, 3},           {SYS_symlinkat, 1, 2, NO, NO},    {SYS_readlinkat, 0, 1, NO, NO},
    {SYS_fchmodat, 0, 1, NO, NO},       {SYS_faccessat, 0, 1, NO, NO},    {SYS_utimensat, 0, 1, NO, NO},
    {SYS_name_to_handle_at, 0, 1, NO, NO}, {SYS_renameat2, 0, 1, 2, 3},   {SYS_execveat, 0, 1, NO, NO},
    {SYS_statx, 0, 1, NO, NO},          {SYS_openat2, 0, 1, NO, NO},      {439 /* faccessat2 */, 0, 1, NO, NO},
    {452 /* fchmodat2 */, 0, 1, NO, NO},
};
#define CALLS (sizeof calls / sizeof *calls)

static const char *root;
static size_t root_length;
static FILE *report;
static unsigned long total, by_library, behind_library, by_loader, spawned;
static pid_t spawning[TASKS]; /* children that share memory with their parent and have not exec'ed yet */

static _Noreturn void die(const char *what) {
  fprintf(stderr, "escapes: %s: %s\n", what, strerror(errno));
  exit(2);
}

static pid_t *slot(pid_t pid) {
  for (int i = 0; i < TASKS; i++)
    if (spawning[i] == pid) return &spawning[i];
  return NULL;
}

static void install_filter(void) {
  struct sock_filter code[CALLS + 3];
  size_t at = 0;
  code[at++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
  for (size_t i = 0; i < CALLS; i++)
    code[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)calls[i].number, (unsigned char)(CALLS - i), 0);
  code[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  code[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
  struct sock_fprog program = {(unsigned short)at, code};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) _exit(126);
}

static bool read_text(pid_t pid, uint64_t at, char *out) {
  for (size_t used = 0; used < PATH_SIZE; ) {
    size_t part = 256 - (at + used) % 256;
    if (part > PATH_SIZE - used) part = PATH_SIZE - used;
    struct iovec here = {out + used, part}, there = {(void *)(at + used), part};
    ssize_t got = process_vm_readv(pid, &here, 1, &there, 1, 0);
    if (got <= 0) return false;
    if (memchr(out + used, 0, (size_t)got)) return true;
    used += (size_t)got;
  }
  return false;
}

/* Absolute and without `.` and `..`, by the text alone. */
static void normalise(char *path) {
  char *out = path;
  for (const char *at = path; *at;) {
    const char *end = strchrnul(at + 1, '/');
    size_t size = (size_t)(end - at);
    if (size == 3 && memcmp(at, "/..", 3) == 0) {
      while (out > path && *--out != '/') continue;
    } else if (size != 1 && !(size == 2 && at[1] == '.')) {
      memmove(out, at, size);
      out += size;
    }
    at = end;
  }
  *out = 0;
}

static bool absolute(pid_t pid, int directory, const char *path, char *out) {
  char link[64];
  size_t length = 0;
  if (path[0] != '/') {
    if (directory == AT_FDCWD)
      snprintf(link, sizeof link, "/proc/%d/cwd", pid);
    else
      snprintf(link, sizeof link, "/proc/%d/fd/%d", pid, directory);
    ssize_t got = readlink(link, out, PATH_SIZE);
    if (got <= 0 || got == PATH_SIZE) return false;
    length = (size_t)got;
    out[length++] = '/';
  }
  strcpy(out + length, path);
  normalise(out);
  return true;
}

static bool concerns_tree(const char *path) {
  if (strncmp(path, root, root_length) != 0 || (path[root_length] != 0 && path[root_length] != '/')) return false;
  return strncmp(path + root_length, "/.vrift", 7) != 0;
}

struct mappings {
  uint64_t library_start, library_end; /* the library's code */
  char at[PATH_SIZE];                  /* what the call was made by */
};

static void read_mappings(pid_t pid, uint64_t address, struct mappings *mappings) {
  char name[64], line[PATH_SIZE + 128];
  memset(mappings, 0, sizeof *mappings);
  snprintf(name, sizeof name, "/proc/%d/maps", pid);
  FILE *in = fopen(name, "re");
  while (in && fgets(line, sizeof line, in)) {
    unsigned long start, end;
    char rights[8];
    int path = 0;
    if (sscanf(line, "%lx-%lx %7s %*s %*s %*s %n", &start, &end, rights, &path) < 3) continue;
    line[strcspn(line, "\n")] = 0;
    if (rights[2] == 'x' && path && strstr(line + path, "libvrift_inception.so")) {
      mappings->library_start = start;
      mappings->library_end = end;
    }
    if (path && address >= start && address < end) snprintf(mappings->at, sizeof mappings->at, "%s", line + path);
  }
  if (in) fclose(in);
}

/*
 * The library calls what is libc's through pointers (libc.h) and its own functions directly. What earlier calls left on the stack
 * is mostly of the second kind, and does not count.
 */
static bool follows_call_by_pointer(pid_t pid, uint64_t address) {
  uint8_t code[7]; /* the longest form, up to the return address */
  struct iovec here = {code, sizeof code}, there = {(void *)(address - sizeof code), sizeof code};
  if (process_vm_readv(pid, &here, 1, &there, 1, 0) != (ssize_t)sizeof code) return false;
  const uint8_t *end = code + sizeof code;
  bool by_register = end[-2] == 0xff && (end[-1] & 0xf8) == 0xd0;
  bool by_memory = (end[-2] == 0xff && (end[-1] & 0xf8) == 0x10) || (end[-3] == 0xff && (end[-2] & 0xf8) == 0x50) ||
                   (end[-6] == 0xff && (end[-5] & 0xf8) == 0x90);
  bool on_stack = (end[-4] == 0xff && end[-3] == 0x54) || (end[-7] == 0xff && end[-6] == 0x94);
  return by_register || by_memory || on_stack;
}

static bool library_waits(pid_t pid, uint64_t stack, const struct mappings *mappings) {
  static uint64_t words[STACK_WORDS];
  struct iovec here = {words, sizeof words}, there = {(void *)stack, sizeof words};
  ssize_t got = -1;
  /* The stack may end before: by halves until what is there can be read. */
  for (size_t size = sizeof words; got < 0 && size >= 512; size /= 2) {
    here.iov_len = there.iov_len = size;
    got = process_vm_readv(pid, &here, 1, &there, 1, 0);
  }
  for (ssize_t i = 0; i < got / (ssize_t)sizeof *words; i++)
    if (words[i] > mappings->library_start && words[i] < mappings->library_end && follows_call_by_pointer(pid, words[i]))
      return true;
  return false;
}

static const char *base_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

static void judge(pid_t pid, const struct user_regs_struct *regs, const char *path) {
  struct mappings mappings;
  char name[64], program[64] = "?";
  read_mappings(pid, regs->rip, &mappings);
  total++;
  if (regs->rip >= mappings.library_start && regs->rip < mappings.library_end) {
    by_library++;
    return;
  }
  if (strncmp(base_name(mappings.at), "ld-", 3) == 0) {
    by_loader++;
    return;
  }
  bool of_spawn = regs->orig_rax == SYS_execve || regs->orig_rax == SYS_open || regs->orig_rax == SYS_openat ||
                  regs->orig_rax == SYS_chdir;
  if (mappings.library_start != 0 && of_spawn && slot(pid) && strncmp(base_name(mappings.at), "libc", 4) == 0) {
    spawned++;
    return;
  }
  if (mappings.library_start != 0 && library_waits(pid, regs->rsp, &mappings)) {
    behind_library++;
    return;
  }
  snprintf(name, sizeof name, "/proc/%d/comm", pid);
  FILE *in = fopen(name, "re");
  if (in && fgets(program, sizeof program, in)) program[strcspn(program, "\n")] = 0;
  if (in) fclose(in);
  fprintf(report, "escape %s %llu %s %s\n", program, regs->orig_rax, path, base_name(mappings.at));
}

static void look(pid_t pid) {
  struct user_regs_struct regs;
  char path[PATH_SIZE], full[2 * PATH_SIZE + 2];
  if (ptrace(PTRACE_GETREGS, pid, 0, &regs) != 0) return;
  const uint64_t arguments[] = {regs.rdi, regs.rsi, regs.rdx, regs.r10};
  for (size_t i = 0; i < CALLS; i++) {
    if ((unsigned long long)calls[i].number != regs.orig_rax) continue;
    const int directories[] = {calls[i].directory, calls[i].directory2}, paths[] = {calls[i].path, calls[i].path2};
    for (int k = 0; k < 2 && paths[k] != NO; k++) {
      int directory = directories[k] == NO ? AT_FDCWD : (int)arguments[directories[k]];
      /* An empty path is about a descriptor. */
      if (!read_text(pid, arguments[paths[k]], path) || path[0] == 0) continue;
      if (absolute(pid, directory, path, full) && concerns_tree(full)) {
        judge(pid, &regs, full);
        return;
      }
    }
  }
}

static void remember_spawned(pid_t pid) {
  unsigned long child;
  if (ptrace(PTRACE_GETEVENTMSG, pid, 0, &child) != 0) return;
  pid_t *free_slot = slot(0);
  if (free_slot) *free_slot = (pid_t)child;
}

static void forget_spawned(pid_t pid) {
  pid_t *used = slot(pid);
  if (used) *used = 0;
}

static int follow(pid_t first) {
  int status, code = 2;
  for (pid_t pid; (pid = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR;) {
    if (pid <= 0) continue;
    if (WIFEXITED(status) || WIFSIGNALED(status)) {
      forget_spawned(pid);
      if (pid == first) code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      continue;
    }
    int event = status >> 16, signal = WSTOPSIG(status);
    if (event == PTRACE_EVENT_SECCOMP) look(pid);
    if (event == PTRACE_EVENT_VFORK) remember_spawned(pid);
    if (event == PTRACE_EVENT_EXEC) forget_spawned(pid);
    /* A new child stops once before it begins. */
    if (event != 0 || signal == SIGSTOP || signal == SIGTRAP) signal = 0;
    ptrace(PTRACE_CONT, pid, 0, signal);
  }
  return code;
}

int main(int argc, char **argv) {
  static char real[PATH_SIZE];
  int status;
  if (argc < 3 || !realpath(argv[1], real)) {
    fprintf(stderr, "usage: escapes ROOT COMMAND…\n");
    return 2;
  }
  const char *file = getenv("ESCAPES_REPORT");
  report = file ? fopen(file, "ae") : stdout;
  if (!report) die(file);
  unsetenv("ESCAPES_REPORT");
  root = real;
  root_length = strlen(root);
  pid_t pid = fork();
  if (pid == 0) {
    const char *library = getenv("ESCAPES_PRELOAD");
    if (library) setenv("LD_PRELOAD", library, 1);
    unsetenv("ESCAPES_PRELOAD");
    if (ptrace(PTRACE_TRACEME, 0, 0, 0) != 0) _exit(126);
    raise(SIGSTOP);
    install_filter();
    execvp(argv[2], argv + 2);
    _exit(127);
  }
  if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status)) die("cannot trace");
  long options = PTRACE_O_TRACESECCOMP | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC |
                 PTRACE_O_EXITKILL;
  if (ptrace(PTRACE_SETOPTIONS, pid, 0, options) != 0) die("options");
  ptrace(PTRACE_CONT, pid, 0, 0);
  int code = follow(pid);
  fprintf(report, "calls %lu library %lu behind-library %lu loader %lu spawned %lu\n", total, by_library, behind_library, by_loader,
         spawned);
  return code;
}
