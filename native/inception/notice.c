#include "notice.h"

#include "bytes.h"
#include "elf_check.h"
#include "place.h"
#include "view.h"
#ifdef VRIFT_OBSERVED
#include "../observed/observe.h"
#else
#define observe_static() ((void)0)
#endif

#define RUN_NAME_SIZE 128
#define INTERPRETER_LEVELS 4

static char run_name[RUN_NAME_SIZE];

void notice_start(const char *run) {
  size_t length = run == 0 ? 0 : text_length(run);
  if (length == 0 || length >= RUN_NAME_SIZE || run[0] == '.') return;
  for (size_t i = 0; i < length; i++)
    if (run[i] == '/') return;
  memcpy(run_name, run, length + 1);
}

/* True for the first program of the run that asks; `what` tells notices apart. */
static bool first_of_run(const char *what) {
  char path[PATH_SIZE], name[RUN_NAME_SIZE + 32];
  if (run_name[0] == 0) return true;
  *append_text(append_text(append_text(name, "notices/"), run_name), what) = 0;
  if (!view_run_path(name, path)) return true;
  for (int attempt = 0; attempt < 2; attempt++) {
    int fd = (int)raw_openat(AT_FDCWD, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd >= 0) {
      raw_close(fd);
      return true;
    }
    if (fd != -ENOENT) return fd != -EEXIST;
    char directory[PATH_SIZE];
    if (!view_run_path("notices", directory)) return true;
    raw2(__NR_mkdir, (long)directory, 0700);
  }
  return true;
}

static void say(const char *path) {
  static const char middle[] =
      " is statically linked and sees only the files that are really there; run it with: vrift run --hydrate -- ";
  char line[2 * NAME_LIMIT + 256], name[NAME_LIMIT + 1];
  const char *last = path;
  for (const char *at = path; *at != 0; at++)
    if (at[0] == '/' && at[1] != 0) last = at + 1;
  size_t length = text_length(last);
  if (length > NAME_LIMIT) length = NAME_LIMIT;
  memcpy(name, last, length);
  name[length] = 0;
  char *end = append_text(append_text(append_text(line, "vrift: "), name), middle);
  end = append_text(append_text(end, name), "\n");
  raw_write(2, line, (size_t)(end - line));
}

__attribute__((noinline)) void notice_damaged(const struct view *view, const struct vrift_entry *entry) {
  static const char before[] = "vrift: the content of ", after[] = " is not whole in the store; vrift verify says what helps\n";
  static bool said;
  struct place place;
  char path[PATH_SIZE], line[PATH_SIZE + sizeof before + sizeof after];
  if (__atomic_load_n(&said, __ATOMIC_RELAXED) || !place_from_entry(view, entry, &place) ||
      !place_real_path(view, &place, path) || raw_faccessat2(AT_FDCWD, path, 0, AT_SYMLINK_NOFOLLOW) != -ENOENT)
    return;
  if (__atomic_exchange_n(&said, true, __ATOMIC_RELAXED) || !first_of_run(".damaged")) return;
  char *end = append_text(append_text(append_text(line, before), path), after);
  raw_write(2, line, (size_t)(end - line));
}

#define OF_ANOTHER_USER 06000
#define MACHINE_AT 18

static bool is_foreign(const uint8_t *head) {
  return head[EI_CLASS] != ELFCLASS64 || elf_check_number(head + MACHINE_AT, 2) != EM_X86_64;
}

bool notice_program(const struct view *view, int dirfd, const char *path, int flags) {
  uint8_t head[ELF_CHECK_BYTES];
  char interpreter[256];
  const char *program = path;
  bool by_descriptor = (flags & AT_EMPTY_PATH) != 0 && path[0] == 0;
  for (int level = 0; level < INTERPRETER_LEVELS; level++) {
    int fd = by_descriptor ? dirfd : (int)raw_openat(dirfd, program, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);
    /* Without permission to read it may still run. */
    if (fd < 0) return fd == -EACCES;
    struct stat st;
    bool other_user = view->solid && raw_fstat(fd, &st) == 0 && (st.st_mode & OF_ANOTHER_USER) != 0;
    long size = raw_pread(fd, head, sizeof head, 0);
    if (!by_descriptor) raw_close(fd);
    if (size <= 0) return false;
    enum elf_check kind = elf_check(head, (size_t)size);
    if (kind == ELF_STATIC) observe_static();
    if (kind == ELF_STATIC && !view->solid && first_of_run("")) say(program[0] != 0 ? program : "the program");
    if (kind == ELF_STATIC || other_user || (kind == ELF_DYNAMIC && is_foreign(head))) return true;
    if (kind != ELF_SCRIPT || elf_check_interpreter(head, (size_t)size, interpreter, sizeof interpreter) == 0) return false;
    program = interpreter;
    dirfd = AT_FDCWD;
    by_descriptor = false;
  }
  return true;
}
