#include "trace_line.h"

#include "../inception/bytes.h"
#include "../inception/kernel.h"
#include "../inception/look.h"
#include "errno_names.h"

/* Two paths with every byte as \xNN would be 32 KiB; a longer text is cut and ends in `…` written as "...". */
#define SHOWN_BYTES 4096
#define LINE_SIZE (2 * SHOWN_BYTES + 512)

#define CLOCK_REALTIME 0
#define EFBIG_SIGNAL 25 /* SIGXFSZ */
#define EPIPE_SIGNAL 13 /* SIGPIPE */

static const char *const call_names[] = {"beyond",
#define NAME(name, text) text,
                                         VRIFT_CALLS(NAME)};
static const char *const reasons[] = {
#define REASON(name, by, text) by " " text,
#define KERNEL "kernel"
#define INDEX "index"
    VRIFT_REASONS(REASON)};

static char *append_bytes(char *to, const char *text, const char *limit) {
  static const char digits[] = "0123456789abcdef";
  for (; *text != 0; text++) {
    unsigned char byte = (unsigned char)*text;
    if (limit - to < 8) return append_text(to, "...");
    if (byte >= ' ' && byte < 0x7f && byte != '"' && byte != '\\') {
      *to++ = (char)byte;
    } else {
      to = append_text(to, "\\x");
      *to++ = digits[byte >> 4];
      *to++ = digits[byte & 15];
    }
  }
  return to;
}

static char *append_number(char *to, long value) {
  if (value < 0) *to++ = '-';
  return append_decimal(to, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

static char *append_stamp(char *to) {
  struct __kernel_timespec now = {0, 0};
  raw2(__NR_clock_gettime, CLOCK_REALTIME, (long)&now);
  to = append_text(append_decimal(to, (uint64_t)now.tv_sec), ".");
  long micros = now.tv_nsec / 1000;
  for (long place = 100000; place > 0; place /= 10) *to++ = (char)('0' + micros / place % 10);
  to = append_text(append_decimal(append_text(to, " "), (uint64_t)raw_getpid()), " ");
  return append_text(append_decimal(to, (uint64_t)raw0(__NR_gettid)), " ");
}

/* What the program would not have got by itself is taken back, unless it was waiting before. */
static void take_back(int signal, uint64_t pending_before) {
  uint64_t bit = 1ull << (signal - 1);
  struct __kernel_timespec at_once = {0, 0};
  if ((pending_before & bit) == 0) raw4(__NR_rt_sigtimedwait, (long)&bit, 0, (long)&at_once, sizeof bit);
}

/*
 * No descriptor is kept: a program closes what it does not know, and would find ours under a number of its own. A write may raise
 * SIGXFSZ or SIGPIPE, and a handler that traces in between would be inside of this one's line.
 */
static void write_line(const char *file, const char *line, size_t size) {
  uint64_t all = ~0ull, before = 0, pending = 0;
  raw4(__NR_rt_sigprocmask, SIG_SETMASK, (long)&all, (long)&before, sizeof all);
  int fd = (int)raw_openat(AT_FDCWD, file, O_WRONLY | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);
  if (fd >= 0) {
    raw2(__NR_rt_sigpending, (long)&pending, sizeof pending);
    long written = raw_write(fd, line, size);
    if (written == -EFBIG) take_back(EFBIG_SIGNAL, pending);
    if (written == -EPIPE) take_back(EPIPE_SIGNAL, pending);
    raw_close(fd);
  }
  raw4(__NR_rt_sigprocmask, SIG_SETMASK, (long)&before, 0, sizeof before);
}

/* Between the commas: a descriptor, a path, or both. */
static char *append_operand(char *to, struct operand operand, const char *limit) {
  bool has_fd = operand.fd != NO_DESCRIPTOR && !(operand.fd == AT_FDCWD && operand.path != 0);
  if (has_fd) to = append_number(to, operand.fd);
  if (operand.path == 0) return to;
  if (has_fd) to = append_text(to, ", ");
  /* A bad pointer was the kernel's to refuse. */
  if (!readable(operand.path)) return append_text(to, "?");
  return append_text(append_bytes(append_text(to, "\""), operand.path, limit), "\"");
}

static char *append_result(char *to, const long *result) {
  if (result == 0) return append_text(to, ") = ? ");
  to = append_text(to, ") = ");
  if (!failed(*result)) return append_text(append_number(to, *result), " ");
  const char *name = errno_name((int)-*result);
  to = append_text(to, "-1 ");
  to = name != 0 ? append_text(to, name) : append_number(to, -*result);
  return append_text(to, " ");
}

void trace_call(const char *file, struct noted noted, const long *result, struct operand first, struct operand second) {
  char line[LINE_SIZE], *at = append_stamp(line);
  /* After a call that failed with EFAULT its path cannot be read here either. */
  if (result != 0 && *result == -EFAULT) first.path = second.path = 0;
  at = append_text(append_text(at, call_names[noted.call]), "(");
  at = append_operand(at, first, line + 128 + SHOWN_BYTES);
  if (second.fd != NO_DESCRIPTOR || second.path != 0)
    at = append_operand(append_text(at, ", "), second, line + 256 + 2 * SHOWN_BYTES);
  at = append_text(append_result(at, result), reasons[noted.because]);
  if ((noted.besides & BESIDES_ENTRY) != 0) at = append_text(at, "+entry");
  if ((noted.besides & BESIDES_HYDRATED) != 0) at = append_text(at, "+hydrated");
  if ((noted.besides & BESIDES_WHITEOUT) != 0) at = append_text(at, "+whiteout");
  at = append_text(at, "\n");
  write_line(file, line, (size_t)(at - line));
}

void trace_start(const char *file, const char *program, bool has_view) {
  char line[LINE_SIZE], *at = append_text(append_stamp(line), "start(\"");
  at = append_bytes(at, program, line + 128 + SHOWN_BYTES);
  at = append_text(at, has_view ? "\") = 0 index mapped\n" : "\") = 0 kernel other\n");
  write_line(file, line, (size_t)(at - line));
}
