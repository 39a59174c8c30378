/*
 * Calls that few programs make, one line each. Works in a directory with the virtual files `file`, `other`, `third` (8 bytes
 * each) and `dir/f0` … `dir/f39`; prints the same in a plain tree and in a phantom one.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <linux/openat2.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <utime.h>
#include <wordexp.h>

static void say(const char *what, long result) {
  if (result < 0)
    printf("%s: %s\n", what, strerrorname_np(errno));
  else
    printf("%s: %ld\n", what, result);
}

static void content(const char *what, FILE *in) {
  char line[64] = "";
  if (!in) {
    say(what, -1);
    return;
  }
  if (!fgets(line, sizeof line, in)) strcpy(line, "(nothing)\n");
  printf("%s: %s", what, line);
}

static void streams(void) {
  FILE *in = fopen("other", "r");
  content("fopen", in);
  in = freopen("file", "r", in);
  content("freopen", in);
  struct stat by_stream, by_name;
  printf("same file: %d\n", fstat(fileno(in), &by_stream) == 0 && stat("file", &by_name) == 0 && by_stream.st_ino == by_name.st_ino);
  in = freopen(NULL, "r+", in);
  say("freopen of nothing for writing", in ? fprintf(in, "FILE") : -1);
  if (in) fclose(in);
  content("and after", fopen("file", "re"));
  in = freopen("other", "a", fopen("third", "r"));
  say("freopen for appending", in ? fprintf(in, "more\n") : -1);
  if (in) fclose(in);
  say("exclusive", fopen("third", "wx") ? 0 : -1);
  content("with a conversion", fopen("third", "r,ccs=UTF-8"));
  say("a mode that is none", fopen("third", "q") ? 0 : -1);
  in = fopen("/dev/fd/0", "r");
  say("fopen of a descriptor", in ? 0 : -1);
  say("fopen of a directory for writing", fopen("dir", "w") ? 0 : -1);
}

static int ordinal(const char *name) { return name[0] == 'f' ? atoi(name + 1) + 1 : 0; }

static long sum(DIR *dir) {
  long total = 0;
  struct dirent *record;
  errno = 77;
  while ((record = readdir(dir))) total += ordinal(record->d_name);
  return errno == 77 ? total : -1;
}

static void directories(void) {
  int fd = open("dir", O_RDONLY | O_DIRECTORY);
  DIR *dir = fdopendir(fd);
  say("fdopendir, dirfd", dirfd(dir) == fd);
  say("all", sum(dir));
  rewinddir(dir);
  long total = 0, left = 0;
  for (int i = 0; i < 20; i++) total += ordinal(readdir(dir)->d_name);
  long at = telldir(dir);
  struct dirent *record;
  while ((record = readdir(dir))) left += ordinal(record->d_name);
  seekdir(dir, at);
  say("told twice from the middle", sum(dir) == left);
  say("in two parts", total + left);
  rewinddir(dir);
  struct dirent space, *result;
  total = 0;
  int (*read_one)(DIR *, struct dirent *, struct dirent **) =
      (int (*)(DIR *, struct dirent *, struct dirent **))dlsym(RTLD_DEFAULT, "readdir_r");
  while (read_one(dir, &space, &result) == 0 && result) total += ordinal(result->d_name);
  say("readdir_r", total);
  closedir(dir);
  say("closed", fcntl(fd, F_GETFD));
  struct dirent **list;
  int count = scandir("dir", &list, NULL, alphasort);
  say("scandir", count);
  if (count > 5) printf("%s %s\n", list[2]->d_name, list[5]->d_name);
  for (int i = 0; i < count; i++) free(list[i]);
  if (count >= 0) free(list);
  say("scandirat", scandirat(AT_FDCWD, "dir", &list, NULL, versionsort));
  say("scandir of a file", scandir("file", &list, NULL, NULL));
  char buffer[300];
  ssize_t got;
  fd = open("dir", O_RDONLY | O_DIRECTORY);
  total = 0;
  while ((got = syscall(SYS_getdents64, fd, buffer, sizeof buffer)) > 0)
    for (ssize_t i = 0; i < got; i += ((struct dirent64 *)(buffer + i))->d_reclen) total += ordinal(((struct dirent64 *)(buffer + i))->d_name);
  say("getdents64", total);
  say("and again at the end", getdents64(fd, buffer, sizeof buffer));
  lseek(fd, 0, SEEK_SET);
  say("and from the start", getdents64(fd, buffer, sizeof buffer) > 0);
  close(fd);
  say("opendir of a file", opendir("file") ? 0 : -1);
  say("fdopendir of a file", fdopendir(open("file", O_RDONLY)) ? 0 : -1);
  static DIR *many[40];
  total = 0;
  for (int i = 0; i < 40; i++) many[i] = opendir("dir");
  for (int i = 0; i < 40; i++) total += sum(many[i]);
  for (int i = 0; i < 40; i++) closedir(many[i]);
  say("forty at once", total);
}

static void globs(void) {
  static const char *const patterns[] = {"f*", "dir/f1?", "*/f3*", "nothing*", "{file,dir/f7}", "dir/f[0-3]", "o*r"};
  for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
    glob_t found;
    int status = glob(patterns[i], GLOB_BRACE, NULL, &found);
    printf("glob %s: %d %zu %s\n", patterns[i], status, status ? 0 : found.gl_pathc, status ? "" : found.gl_pathv[0]);
    if (status == 0) globfree(&found);
  }
}

static void words(void) {
  static const char *const texts[] = {"f* o*r", "'f*' \"o*\" \\o*", "dir/f1? nothing* x", "$HOME_THAT_IS_NOT/f*e ~/nothing*", "dir/f[0-3] a'*'b?",
                                      "$((2*3)) ${unset:-o*} f?l?", "$(echo f*) `echo o*`", "\"f\"*", "f* (", "|", "", "  f*  ", "*/f3*"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    wordexp_t found;
    int status = wordexp(texts[i], &found, 0);
    printf("wordexp %s: %d", texts[i], status);
    for (size_t k = 0; status == 0 && k < found.we_wordc; k++) printf(" <%s>", found.we_wordv[k]);
    printf("\n");
    if (status == 0) wordfree(&found);
  }
  wordexp_t found = {.we_offs = 2};
  wordexp("third f*", &found, WRDE_DOOFFS);
  wordexp("dir/f2? o*", &found, WRDE_DOOFFS | WRDE_APPEND);
  printf("wordexp with an offset: %zu %p %p", found.we_wordc, (void *)found.we_wordv[0], (void *)found.we_wordv[1]);
  for (size_t k = 0; k <= found.we_wordc; k++) printf(" <%s>", found.we_wordv[2 + k] ? found.we_wordv[2 + k] : "end");
  printf("\n");
  wordfree(&found);
}

static void times(void) {
  struct stat st;
  const char *volatile no_path = NULL;
  struct utimbuf old = {100, 200};
  struct timeval pair[2] = {{300, 1}, {400, 2}};
  say("utime", utime("dir/f1", &old));
  say("utimes", utimes("dir/f2", pair));
  say("lutimes", lutimes("dir/f3", pair));
  say("futimesat", futimesat(AT_FDCWD, "dir/f4", pair));
  int fd = open("dir/f5", O_RDONLY);
  say("futimes", futimes(fd, pair));
  say("fstat after", fstat(fd, &st) == 0 ? st.st_mtim.tv_sec : -1);
  close(fd);
  for (int i = 1; i <= 5; i++) {
    char name[16];
    snprintf(name, sizeof name, "dir/f%d", i);
    say(name, stat(name, &st) == 0 ? st.st_mtim.tv_sec : -1);
  }
  pair[0].tv_usec = 1000000;
  say("utimes with too many microseconds", utimes("dir/f2", pair));
  say("utimensat of no path", utimensat(AT_FDCWD, no_path, NULL, 0));
  say("lchmod", lchmod("dir/f6", 0600));
  say("lchmod of a link", symlink("f6", "dir/s6") == 0 ? fchmodat(AT_FDCWD, "dir/s6", 0600, AT_SYMLINK_NOFOLLOW) : -2);
}

static int other_process(int (*check)(void)) {
  fflush(stdout);
  pid_t pid = fork();
  int status;
  if (pid == 0) _exit(check());
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int try_flock(void) { return flock(open("dir/f7", O_RDONLY), LOCK_EX | LOCK_NB) == 0 ? 0 : errno == EWOULDBLOCK ? 1 : 2; }
static int try_record(void) {
  struct flock lock = {.l_type = F_WRLCK, .l_len = 1};
  return fcntl(open("dir/f8", O_RDWR), F_SETLK, &lock) == 0 ? 0 : errno == EAGAIN || errno == EACCES ? 1 : 2;
}

static void descriptors(void) {
  char text[16] = "", path[64], target[PATH_MAX];
  struct stat st;
  int fd = open("dir/f7", O_RDONLY);
  say("read some", read(fd, text, 3));
  say("flock", flock(fd, LOCK_EX));
  say("held against another process", other_process(try_flock));
  say("the offset stayed", lseek(fd, 0, SEEK_CUR));
  say("close-on-exec stayed", fcntl(fd, F_GETFD));
  close(fd);
  say("released", other_process(try_flock));
  fd = open("dir/f8", O_RDONLY | O_CLOEXEC);
  struct flock lock = {.l_type = F_RDLCK, .l_len = 1};
  say("record lock", fcntl(fd, F_SETLK, &lock));
  say("held against another process", other_process(try_record));
  say("close-on-exec stayed", fcntl(fd, F_GETFD));
  close(fd);
  fd = open("dir/f9", O_RDONLY);
  int copy = fcntl(fd, F_DUPFD_CLOEXEC, 100);
  say("a copy", copy);
  say("agrees", fstat(copy, &st) == 0 ? st.st_size : -1);
  snprintf(path, sizeof path, "/proc/self/fd/%d", copy);
  ssize_t size = readlink(path, target, sizeof target);
  printf("is named %.*s\n", (int)(size > 0 ? 6 : 0), target + (size > 6 ? size - 6 : 0));
  say("opened again", open(path, O_RDONLY));
  say("is a link as large", lstat(path, &st) == 0 ? (long)(st.st_mode & S_IFMT) : -1);
  say("stat through it", stat(path, &st) == 0 ? st.st_size : -1);
  int writing = open(path, O_WRONLY);
  say("written through it", writing < 0 ? -1 : write(writing, "written\n", 8));
  content("is written", fopen("dir/f9", "r"));
  fd = open("dir/f10", O_RDONLY);
  say("fchmod", fchmod(fd, 0600));
  say("mode", fstat(fd, &st) == 0 ? (long)st.st_mode : -1);
  say("ftruncate", ftruncate(fd, 0));
  say("write", write(fd, "x", 1));
  say("map for writing", mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED ? -1 : 0);
  fd = open("dir/f11", O_PATH);
  say("O_PATH", fstatat(fd, "", &st, AT_EMPTY_PATH) == 0 ? st.st_size : -1);
  fd = open("dir/f11", O_RDONLY);
  say("linked by descriptor", linkat(fd, "", AT_FDCWD, "dir/l11", AT_EMPTY_PATH));
  say("links", stat("dir/f11", &st) == 0 ? (long)st.st_nlink : -1);
  fd = open("dir", O_TMPFILE | O_RDWR, 0600);
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  say("a nameless file over a name", linkat(AT_FDCWD, path, AT_FDCWD, "dir/f12", AT_SYMLINK_FOLLOW));
  say("a nameless file", linkat(AT_FDCWD, path, AT_FDCWD, "dir/named", AT_SYMLINK_FOLLOW));
  fd = open("dir/f13", O_RDONLY);
  unlink("dir/f13");
  say("fchmod of a removed file", fchmod(fd, 0600));
  say("is still readable", pread(fd, text, 3, 0));
  say("and not back", access("dir/f13", F_OK));
}

static void others(void) {
  struct statvfs fs;
  struct stat st;
  char text[256], template[] = "dir/tXXXXXX", suffixed[] = "dir/tXXXXXX.c", directory[] = "dir/dXXXXXX", wrong[] = "dir/XXXXX";
  say("statvfs", statvfs("file", &fs));
  say("statvfs of nothing", statvfs("nothing", &fs));
  say("pathconf", pathconf("third", _PC_NAME_MAX));
  say("ftok", ftok("third", 1) != -1);
  say("ftok of nothing", ftok("nothing", 1));
  say("getxattr", getxattr("dir/f14", "user.a", text, sizeof text));
  say("listxattr", listxattr("dir/f14", text, sizeof text));
  say("removexattr", removexattr("dir/f14", "user.a"));
  say("mkstemp", mkstemp(template) < 0 ? -1 : 0);
  say("mkstemps", mkstemps(suffixed, 2) < 0 ? -1 : 0);
  say("mkdtemp", mkdtemp(directory) ? 0 : -1);
  say("mkstemp of five letters", mkstemp(wrong));
  say("removed", unlink(template) + unlink(suffixed) + rmdir(directory));
  struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "dir/socket"};
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  say("bind", bind(fd, (struct sockaddr *)&address, sizeof address));
  say("is there", access("dir/socket", F_OK));
  strcpy(address.sun_path, "dir/f15");
  say("bind to a file", bind(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&address, sizeof address));
  int notify = inotify_init1(IN_NONBLOCK);
  say("inotify_add_watch", inotify_add_watch(notify, "dir/f16", IN_CLOSE_WRITE));
  close(open("dir/f16", O_WRONLY));
  struct pollfd wait = {.fd = notify, .events = POLLIN};
  say("event", poll(&wait, 1, 1000));
  struct {
    struct file_handle head;
    char bytes[128];
  } handle = {.head.handle_bytes = 128};
  int mount;
  say("name_to_handle_at", name_to_handle_at(AT_FDCWD, "dir/f17", &handle.head, &mount, 0));
  struct open_how how = {.flags = O_RDONLY, .resolve = RESOLVE_NO_SYMLINKS}, plain = {.flags = O_RDONLY};
  say("openat2", syscall(SYS_openat2, AT_FDCWD, "dir/f18", &how, sizeof how) < 0 ? -1 : 0);
  say("openat2, plain", syscall(SYS_openat2, AT_FDCWD, "dir/f19", &plain, sizeof plain) < 0 ? -1 : 0);
  char *real = canonicalize_file_name("dir/../dir//f20");
  printf("canonicalize_file_name: %s\n", real ? strrchr(real, '/') : strerrorname_np(errno));
  int (*xstat)(int, const char *, struct stat *) = (int (*)(int, const char *, struct stat *))dlsym(RTLD_DEFAULT, "__xstat");
  say("__xstat", xstat ? xstat(1, "dir/f21", &st) : -2);
}

/* What the kernel refuses must be refused, not crash; what succeeds leaves errno alone. */
static void pointers(void) {
  const char *volatile nothing = NULL, *volatile bad = (const char *)8;
  struct stat st;
  char text[8];
  say("stat of null", stat(nothing, &st));
  say("open of a bad pointer", open(bad, O_RDONLY));
  say("unlink of null", unlink(nothing));
  say("rename to null", rename("file", nothing));
  say("readlink of null", readlink(nothing, text, sizeof text));
  say("chdir to null", chdir(nothing));
  say("symlink of null", symlink(nothing, nothing));
  say("empty name", stat("", &st));
  say("open of an empty name", open("", O_RDONLY | O_CREAT, 0600));
  say("mkdir of an empty name", mkdir("", 0700));
  say("bad descriptor", fstatat(999, "file", &st, 0));
  say("descriptor of a file", openat(open("third", O_RDONLY), "x", O_RDONLY));
  char *large = malloc(5000);
  memset(large, 'x', 4999);
  large[4999] = 0;
  say("a path too long", stat(large, &st));
  large[300] = 0;
  say("a name too long", stat(large, &st));
  free(large);
  errno = 77;
  if (stat("third", &st) == 0 && access("third", R_OK) == 0 && open("third", O_RDONLY) >= 0) printf("errno stays %d\n", errno);
}

static void *open_fifo(void *name) {
  int fd = open(name, O_RDONLY);
  return fd < 0 ? NULL : name;
}

static void cancellation(void) {
  pthread_t thread;
  void *result;
  mkfifo("fifo", 0600);
  pthread_create(&thread, NULL, open_fifo, "fifo");
  usleep(50000);
  pthread_cancel(thread);
  pthread_join(thread, &result);
  say("a waiting open is cancelled", result == PTHREAD_CANCELED);
}

int main(void) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  streams();
  directories();
  globs();
  words();
  times();
  descriptors();
  others();
  pointers();
  cancellation();
  return 0;
}
