/*
 * quiet_reads ROOT KEY ABSENT: reads of trusted names in a mode in which any system call but read, write and _exit kills the
 * process (seccomp strict). Each line of output is one answer that was given without the kernel.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static char line[256];

/* `detail` points to what the call has filled in by the time it is printed. */
static void say(const char *call, long result, const void *detail) {
  long number = detail ? *(const long *)detail : 0;
  int length = snprintf(line, sizeof line, "%s %s %ld\n", call, result == 0 ? "ok" : strerrorname_np(errno), number);
  if (write(1, line, (size_t)length) != length) syscall(SYS_exit, 1);
}

int main(int argc, char **argv) {
  char key[4096], absent[4096], below[4096], text[16];
  struct stat st;
  struct statx stx;
  if (argc != 4 || chdir(argv[1]) != 0) return 2;
  snprintf(key, sizeof key, "%s/%s", argv[1], argv[2]);
  snprintf(absent, sizeof absent, "%s/%s", argv[1], argv[3]);
  snprintf(below, sizeof below, "%s/%s/below", argv[1], argv[2]);
  /* The working directory is asked for once; printf and strerror make their own memory here. */
  stat(argv[2], &st);
  snprintf(line, sizeof line, "%ld", 1l);
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0) return 3;
  say("stat", stat(key, &st), &st.st_size);
  say("lstat", lstat(key, &st), &st.st_size);
  say("statx", statx(AT_FDCWD, key, 0, STATX_BASIC_STATS, &stx), &stx.stx_size);
  say("syscall", syscall(SYS_statx, AT_FDCWD, key, 0, STATX_BASIC_STATS, &stx), &stx.stx_size);
  say("access", access(key, R_OK), NULL);
  say("relative", stat(argv[2], &st), &st.st_size);
  say("readlink", readlink(key, text, sizeof text), NULL);
  say("absent", stat(absent, &st), NULL);
  say("absent-relative", access(argv[3], F_OK), NULL);
  say("below-a-file", stat(below, &st), NULL);
  say("open-absent", open(absent, O_RDONLY), NULL);
  syscall(SYS_exit, 0);
}
