#include "libc.h"

#define RTLD_DEFAULT ((void *)0)
#define RTLD_NEXT ((void *)-1l)

extern void *dlsym(void *handle, const char *name) __attribute__((weak));

static void *look_up(void **slot, void *where, const char *name) {
  void *found = __atomic_load_n(slot, __ATOMIC_RELAXED);
  if (found == 0 && dlsym) {
    found = dlsym(where, name);
    __atomic_store_n(slot, found, __ATOMIC_RELAXED);
  }
  return found;
}

void *libc_next(void **slot, const char *name) { return look_up(slot, RTLD_NEXT, name); }

void *program_symbol(void **slot, const char *name) { return look_up(slot, RTLD_DEFAULT, name); }
