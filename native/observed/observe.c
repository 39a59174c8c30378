#include "observe.h"

#include "../inception/bytes.h"
#include "../inception/environment.h"
#include "../inception/view.h"
#include "trace_line.h"

__thread struct noted vrift_noted;

static struct counters *counters;
static char trace_path[PATH_SIZE];

static void add(uint64_t *counter) { __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED); }

/* Only a file that `vrift run` has made for this: another one's bytes are not to be added to. */
static void map_counters(const char *path) {
  struct stat st;
  int fd = (int)raw_openat(AT_FDCWD, path, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0);
  if (fd < 0) return;
  if (raw_fstat(fd, &st) == 0 && (st.st_mode & (S_IFMT | 07777)) == (S_IFREG | 0600) &&
      st.st_uid == (uint32_t)raw0(__NR_geteuid) && (uint64_t)st.st_size == sizeof *counters) {
    struct counters *mapped = raw_mmap(sizeof *counters, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
    if (!is_error(mapped) && mapped->magic == VRIFT_COUNTERS_MAGIC) counters = mapped;
  }
  raw_close(fd);
}

void observe_start(char *const envp[]) {
  const char *stats = environment_value(envp, "VRIFT_STATS"), *trace = environment_value(envp, "VRIFT_TRACE");
  if (stats != 0 && stats[0] == '/') map_counters(stats);
  if (trace != 0 && trace[0] == '/' && text_length(trace) < PATH_SIZE) memcpy(trace_path, trace, text_length(trace) + 1);
  if (counters != 0) add(&counters->programs);
}

void observe_started(bool has_view) {
  char name[PATH_SIZE];
  if (trace_path[0] == 0) return;
  long length = raw_readlinkat(AT_FDCWD, "/proc/self/exe", name, PATH_SIZE - 1);
  name[length > 0 ? length : 0] = 0;
  trace_start(trace_path, name, has_view);
}

void observe_static(void) {
  if (counters != 0) add(&counters->statics);
}

void observe_hydrated(void) {
  vrift_noted.besides |= BESIDES_HYDRATED;
  if (counters != 0) add(&counters->hydrated[vrift_noted.call]);
}

struct noted observe_begin(enum call call) {
  struct noted before = vrift_noted;
  vrift_noted = (struct noted){BECAUSE_OTHER, 0, (unsigned char)call};
  return before;
}

void observe_end(struct noted before, const long *result, struct operand first, struct operand second) {
  struct noted now = vrift_noted;
  if (counters != 0) {
    add(&counters->answered[now.call][now.because]);
    if ((now.besides & BESIDES_ENTRY) != 0) add(&counters->entries[now.call]);
  }
  if (trace_path[0] != 0) trace_call(trace_path, now, result, first, second);
  vrift_noted = before;
}

static const struct noted exec_noted = {BECAUSE_OTHER, 0, CALL_execveat};
static const struct operand none = {NO_DESCRIPTOR, 0};

void observe_exec(struct operand program) {
  if (counters != 0) add(&counters->answered[CALL_execveat][BECAUSE_OTHER]);
  if (trace_path[0] == 0) return;
  /* Nobody has told yet whether there is a text at the path. */
  if (raw_faccessat2(AT_FDCWD, program.path, 0, 0) == -EFAULT) program.path = 0;
  trace_call(trace_path, exec_noted, 0, program, none);
}

void observe_exec_failed(long result, struct operand program) {
  if (trace_path[0] != 0) trace_call(trace_path, exec_noted, &result, program, none);
}
