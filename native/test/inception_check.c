/*
 * inception_check DIRECTORY: the parts of the injected library that read untrusted text, compiled with libc and sanitizers.
 * Random input with a printed seed; ends with 1 and a line on stderr at the first difference.
 *
 * Only the library's own headers here: libc's and the kernel's declare the same structures.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../inception/blob.h"
#include "../inception/bytes.h"
#include "../inception/cwd.h"
#include "../inception/elf_check.h"
#include "../inception/environment.h"
#include "../inception/marks.h"
#include "../inception/place.h"
#include "../inception/scan.h"
#include "../inception/target.h"
#include "index_writer.h"

static uint64_t state = 1;

static uint32_t pick(uint32_t limit) {
  state = state * 6364136223846793005ull + 1442695040888963407ull;
  return (uint32_t)(state >> 33) % limit;
}

#define CHECK(condition, ...) \
  do { \
    if (!(condition)) { \
      fprintf(stderr, "inception_check:%d: %s: ", __LINE__, #condition); \
      fprintf(stderr, __VA_ARGS__); \
      fprintf(stderr, "\n"); \
      exit(1); \
    } \
  } while (0)

/* The scanner's contract, letter by letter. */
static struct scan slow_scan(const char *path, bool after_slash) {
  struct scan result = {strlen(path), true};
  const char *at = path;
  if (*at == '/' && !after_slash) at++;
  for (;;) {
    const char *end = strchrnul(at, '/');
    size_t size = (size_t)(end - at);
    bool first_of_absolute_or_key = at != path || after_slash;
    if (size == 0 && first_of_absolute_or_key) result.plain = false;
    if (first_of_absolute_or_key && ((size == 1 && at[0] == '.') || (size == 2 && at[0] == '.' && at[1] == '.')))
      result.plain = false;
    if (*end == 0) return result;
    at = end + 1;
  }
}

static void check_scan(void) {
  /* The string ends where the memory does: a load behind its page would be the end of the test. */
  size_t page = 4096;
  char *pages = raw_mmap(2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
  raw_munmap(pages + page, page);
  for (int round = 0; round < 400000; round++) {
    char text[80];
    size_t length = pick(sizeof text - 1);
    for (size_t i = 0; i < length; i++) text[i] = "ab./.x/"[pick(7)];
    text[length] = 0;
    char *at = pages + page - length - 1 - (pick(2) ? 0 : pick(64));
    memcpy(at, text, length + 1);
    bool after_slash = pick(2);
    if (!after_slash && text[0] != '/') continue; /* absolute paths only */
    struct scan fast = scan_path(at, after_slash), slow = slow_scan(at, after_slash);
    CHECK(fast.length == slow.length && fast.plain == slow.plain, "\"%s\" %d: %d %d", at, after_slash, fast.plain, slow.plain);
  }
  raw_munmap(pages, page);
}

static void check_text(void) {
  char out[64];
  uint32_t value;
  *append_decimal(out, 18446744073709551615ull) = 0;
  CHECK(text_equal(out, "18446744073709551615"), "%s", out);
  *append_hex(out, (const uint8_t *)"\x00\x7f\xff", 3) = 0;
  CHECK(text_equal(out, "007fff"), "%s", out);
  const char *number = "2147483647:", *large = "2147483648", *none = "x";
  CHECK(parse_number(&number, &value) && value == 2147483647 && *number == ':', "%u", value);
  CHECK(!parse_number(&large, &value) && !parse_number(&none, &value), "%u", value);
}

static void check_elf(void) {
  static uint8_t head[ELF_CHECK_BYTES];
  char interpreter[256];
  for (int round = 0; round < 200000; round++) {
    size_t size = pick(sizeof head + 1);
    uint8_t *exact = malloc(size + 1);
    for (size_t i = 0; i < size && i < 200; i++) exact[i] = (uint8_t)pick(256);
    for (size_t i = 200; i < size; i++) exact[i] = (uint8_t)i;
    if (size > 8 && pick(4)) memcpy(exact, pick(3) ? "\177ELF\2\1\1" : "#! /bin/", 8);
    if (size > 20 && pick(2)) exact[16] = 2, exact[17] = 0;
    if (size > 64 && pick(2)) memset(exact + 33, 0, 7), exact[54] = 56, exact[55] = 0, exact[57] = 0;
    elf_check(exact, size);
    elf_check_interpreter(exact, size, interpreter, sizeof interpreter);
    free(exact);
  }
  size_t length = elf_check_interpreter((const uint8_t *)"#!  /bin/sh -e\n", 15, interpreter, sizeof interpreter);
  CHECK(length == 7 && text_equal(interpreter, "/bin/sh"), "%s", interpreter);
}

static void check_environment(void) {
  char *start[] = {"A=1", "LD_PRELOAD=/x/other.so:/y/libvrift_inception.so", "VRIFT_INDEX=/i", "VRIFT_FDS=1:2:3", "VRIFT_RUN=r", NULL};
  char *cases[][5] = {{NULL}, {"B=2", NULL}, {"LD_PRELOAD=/z.so", NULL}, {"LD_PRELOAD=", "VRIFT_INDEX=/other", NULL},
                      {"LD_PRELOAD=/y/libvrift_inception.so", "VRIFT_FDS=9:9:9", "VRIFT_RUN=s", NULL}};
  const char *preload[] = {"/x/other.so:/y/libvrift_inception.so", "/x/other.so:/y/libvrift_inception.so",
                           "/y/libvrift_inception.so:/z.so", "/y/libvrift_inception.so", "/y/libvrift_inception.so"};
  const char *index[] = {"/i", "/i", "/i", "/other", "/i"}, *run[] = {"r", "r", "r", "r", "s"};
  environment_start(start);
  for (int i = 0; i < 5; i++) {
    size_t size = environment_size(cases[i]);
    char **memory = malloc(size), **built = environment_build(cases[i], memory, size);
    CHECK(text_equal(environment_value(built, "LD_PRELOAD"), preload[i]), "%d", i);
    CHECK(text_equal(environment_value(built, "VRIFT_INDEX"), index[i]), "%d", i);
    CHECK(text_equal(environment_value(built, "VRIFT_RUN"), run[i]), "%d", i);
    CHECK(environment_value(built, "VRIFT_FDS") == NULL && environment_value(built, "A") == NULL, "%d", i);
    free(memory);
  }
  size_t size = environment_size(NULL);
  char **memory = malloc(size);
  CHECK(environment_value(environment_build(NULL, memory, size), "VRIFT_INDEX") != NULL, "null list");
  free(memory);
}

static char root[PATH_SIZE];
static struct vrift_index_writer writer;

static void make(const char *name, uint16_t flags, uint32_t mode, const char *target) {
  char path[PATH_SIZE + 64];
  struct vrift_index_value value = {.flags = flags, .mode = mode, .size = 3};
  uint32_t entry;
  snprintf(path, sizeof path, "%s/%s", root, name);
  if (target)
    raw2(__NR_symlink, (long)target, (long)path);
  else if ((flags & VRIFT_ENTRY_DIR) != 0)
    raw2(__NR_mkdir, (long)path, 0700);
  else if ((flags & VRIFT_ENTRY_VIRTUAL) == 0)
    raw_close((int)raw_openat(AT_FDCWD, path, O_WRONLY | O_CREAT, 0600));
  if (flags != 0)
    CHECK(vrift_writer_insert(&writer, (const uint8_t *)name, strlen(name), &value, &entry) == 0, "%s", name);
}

#define DIRECTORY (VRIFT_ENTRY_DIR | VRIFT_ENTRY_BACKED | VRIFT_ENTRY_COMPLETE)
#define LINK (VRIFT_ENTRY_SYMLINK | VRIFT_ENTRY_BACKED)

static void make_late(const char *name, const char *parent, const char *target) {
  marks_begin(view_current());
  mark_name_begin(view_current(), vrift_path_hash((const uint8_t *)name, strlen(name)));
  mark_name_begin(view_current(), vrift_path_hash((const uint8_t *)parent, strlen(parent)));
  make(name, 0, 0, target);
}

static void make_tree(const char *directory) {
  char run[PATH_SIZE], path[PATH_SIZE + 32];
  struct stat st;
  strcat(strcpy(root, directory), "/tree");
  strcat(strcpy(run, directory), "/run");
  raw2(__NR_mkdir, (long)root, 0700);
  raw2(__NR_mkdir, (long)run, 0700);
  raw_statat(AT_FDCWD, root, &st, 0);
  struct vrift_index_options options = {.kind = VRIFT_KIND_PHANTOM, .entry_capacity = 1000, .keys_size = 1 << 16, .root_dev = st.st_dev,
                                        .root_ino = st.st_ino, .source_dev = st.st_dev, .root_path = root, .source_path = directory};
  snprintf(path, sizeof path, "%s/marks", run);
  int fd = (int)raw_openat(AT_FDCWD, path, O_RDWR | O_CREAT, 0600);
  raw2(__NR_ftruncate, fd, 8l * VRIFT_MARK_COUNT);
  raw_close(fd);
  snprintf(path, sizeof path, "%s/index", run);
  CHECK(vrift_writer_create(path, &options, &writer) == 0, "%s", path);
  make("a", DIRECTORY, S_IFDIR | 0700, 0);
  make("a/b", DIRECTORY, S_IFDIR | 0700, 0);
  make("a/b/c", DIRECTORY, S_IFDIR | 0700, 0);
  make("a/f", VRIFT_ENTRY_VIRTUAL, S_IFREG | 0600, 0);
  make("a/g", VRIFT_ENTRY_BACKED, S_IFREG | 0600, 0);
  make("l", LINK, S_IFLNK | 0777, "a/b");
  make("a/b/up", LINK, S_IFLNK | 0777, "../..");
  make("a/loop", LINK, S_IFLNK | 0777, "loop");
  make("out", LINK, S_IFLNK | 0777, "/usr");
  make("a/b/in", LINK, S_IFLNK | 0777, "../../l/c");
  make("a/dangling", LINK, S_IFLNK | 0777, "nowhere/x");
  writer.header->distrust = 0;
  view_open(path);
  cwd_start();
  CHECK(view_current() != NULL, "the index of the test is refused");
  /* Not in the index: made since, by a program that left its marks. */
  make_late("new", "", 0);
  make_late("a/late", "a", "b");
}

static const char *random_path(char *out) {
  static const char *const names[] = {"a", "b", "c", "f", "g", "l", "up", "loop", "out", "in", "dangling", "new", "late", "lib", "x"};
  out[0] = 0;
  if (pick(3) == 0) strcat(strcpy(out, root), "/");
  uint32_t parts = 1 + pick(5);
  for (uint32_t i = 0; i < parts; i++) {
    if (i) strcat(out, pick(10) ? "/" : "//");
    uint32_t odd = pick(10);
    strcat(out, odd == 0 ? "." : odd == 1 ? ".." : names[pick(sizeof names / sizeof *names)]);
  }
  if (pick(12) == 0) strcat(out, "/");
  return out;
}

/* What a key must be: the canonical parent and the last name as written. */
static bool expected(const char *path, char *out) {
  char copy[PATH_SIZE], last[PATH_SIZE];
  size_t length = strlen(path);
  memcpy(copy, path, length + 1);
  while (length > 1 && copy[length - 1] == '/') copy[--length] = 0;
  char *slash = strrchr(copy, '/');
  strcpy(last, slash ? slash + 1 : copy);
  if (strcmp(last, ".") == 0 || strcmp(last, "..") == 0) return realpath(path, out) != NULL;
  if (slash) slash[1] = 0;
  if (!realpath(slash ? copy : ".", out)) return false;
  size_t size = strlen(out);
  snprintf(out + size, PATH_SIZE - size, "%s%s", size > 1 ? "/" : "", last);
  return true;
}

static void check_places(void) {
  static const char *const directories[] = {"", "/a", "/a/b", "/a/b/c", "/..", "/../.."};
  const struct view *view = view_current();
  for (int round = 0; round < 60000; round++) {
    char path[PATH_SIZE], real[PATH_SIZE + 8], wanted[PATH_SIZE], other[PATH_SIZE];
    struct place place;
    if (pick(50) == 0) {
      snprintf(real, sizeof real, "%s%s", root, directories[pick(6)]);
      cwd_changing();
      raw1(__NR_chdir, (long)real);
      cwd_changed();
    }
    random_path(path);
    bool exists = expected(path, wanted);
    long result = place_physical(view, AT_FDCWD, path, FOLLOW_NEVER, &place);
    CHECK((result == 0) == exists, "%s: %ld", path, result);
    size_t root_length = strlen(root);
    bool inside = exists && strncmp(wanted, root, root_length) == 0 && (wanted[root_length] == 0 || wanted[root_length] == '/');
    CHECK(result != 0 || place.inside == inside, "%s: %s", path, wanted);
    if (result == 0 && inside) CHECK(place_real_path(view, &place, real) && (place.length == 0 || strcmp(real, wanted) == 0), "%s: %s, not %s", path, real, wanted);
    /* What was followed is what realpath follows. */
    result = place_physical(view, AT_FDCWD, path, FOLLOW, &place);
    if (realpath(path, wanted)) {
      CHECK(result == 0, "%s: %ld", path, result);
      if (place.inside) CHECK(place_real_path(view, &place, real) && (place.length == 0 || strcmp(real, wanted) == 0), "%s: %s, not %s", path, real, wanted);
    }
    /* The text's key may run through links, but must name the same. */
    if (place_lexical(view, AT_FDCWD, path, &place) && place_real_path(view, &place, real) && realpath(path, wanted))
      CHECK(realpath(real, other) && strcmp(other, wanted) == 0, "%s: %s", path, real);
    /* A target's key is the true one. */
    struct target target;
    if (!path_ends_in_dots(path) && target_find(view, AT_FDCWD, path, FOLLOW_NEVER, &target) && expected(path, wanted))
      CHECK(place_real_path(view, &target.place, real) && (target.place.length == 0 || strcmp(real, wanted) == 0), "%s: %s", path, real);
  }
}

static void check_blob_names(void) {
  const struct view *view = view_current();
  char path[PATH_SIZE];
  uint8_t hash[32];
  uint64_t size;
  snprintf(path, sizeof path, "%s/blake3/ab/", view->source);
  for (int i = 0; i < 32; i++) strcat(path, "ab");
  strcat(path, "_17.bin");
  CHECK(blob_parse(view, path, strlen(path), hash, &size) && size == 17 && hash[31] == 0xab, "%s", path);
  for (size_t cut = strlen(path); cut-- > 0;) {
    char *exact = malloc(cut + 1);
    memcpy(exact, path, cut);
    exact[cut] = 0;
    CHECK(!blob_parse(view, exact, cut, hash, &size), "%s", exact);
    free(exact);
  }
}

int main(int argc, char **argv) {
  char directory[PATH_SIZE];
  if (argc != 2 || !realpath(argv[1], directory) || strlen(directory) > 1000) return 2;
  check_scan();
  check_text();
  check_elf();
  make_tree(directory);
  check_blob_names();
  check_places();
  check_environment();
  vrift_writer_release(&writer);
  puts("ok");
  return 0;
}
