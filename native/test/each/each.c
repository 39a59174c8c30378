/*
 *   each --rows                         the symbols there is a case for, one a line
 *   each SYMBOL [intercepted|left-out]  runs a case in the working directory; 0: right, 1: wrong, 77: cannot be tried here,
 *                                       78: the symbol does not come from where the second word says
 *   each --sees FILE, each --reads      what cases start: is FILE there, has descriptor 0 its content
 */
#include <dlfcn.h>

#include "each.h"

/* A call that is left out may wait for ever in a structure it does not know. */
#define LIMIT_S 5

char self[PATH_MAX];

static const struct row *const groups[] = {attribute_rows, opening_rows,    directory_rows, walk_rows,   name_rows,
                                           change_rows,    descriptor_rows, place_rows,     program_rows};

static const struct row *find(const char *symbol) {
  for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
    for (const struct row *row = groups[i]; row->symbol; row++) {
      if (!symbol)
        puts(row->symbol);
      else if (strcmp(symbol, row->symbol) == 0)
        return row;
    }
  return NULL;
}

static bool is_ours(void *call) {
  Dl_info where;
  return dladdr(call, &where) != 0 && strstr(where.dli_fname, "libvrift_inception.so") != NULL;
}

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  if (strcmp(argv[1], "--rows") == 0) {
    find(NULL);
    return 0;
  }
  if (strcmp(argv[1], "--sees") == 0) return argc == 3 && size_of(argv[2]) == CONTENT_SIZE ? 0 : 1;
  if (strcmp(argv[1], "--reads") == 0) return reads_content(0) ? 0 : 1;
  const struct row *row = find(argv[1]);
  void *call = dlsym(RTLD_DEFAULT, argv[1]);
  if (!row || !call) return 2;
  if (argc == 3 && is_ours(call) != (strcmp(argv[2], "intercepted") == 0)) return 78;
  if (!realpath("/proc/self/exe", self)) return 2;
  alarm(LIMIT_S);
  int result = row->check(call);
  return result == CANNOT ? CANNOT : !result;
}
