#include "libc.h"

#define RTLD_NEXT ((void *)-1l)

extern void *dlsym(void *handle, const char *name) __attribute__((weak));

void *libc_next(void **slot, const char *name) {
  void *found = __atomic_load_n(slot, __ATOMIC_RELAXED);
  if (found == 0 && dlsym) {
    found = dlsym(RTLD_NEXT, name);
    __atomic_store_n(slot, found, __ATOMIC_RELAXED);
  }
  return found;
}
