/*
 * fork and vfork: what the child inherits of this process's own openings is moved to the files first (vfs_fork); the call is
 * libc's. A vfork child comes back through the same frame as its parent, so there must be none of ours.
 */
#include "errno_slot.h"
#include "libc.h"
#include "vfs.h"

static int fork_without_libc(void) { return (int)answer(raw0(__NR_fork)); }

#define FORK(name) \
  EXPORT int name(void) { \
    int (*real)(void) = LIBC(int (*)(void), #name); \
    vfs_fork(); \
    return real ? real() : fork_without_libc(); \
  }
FORK(fork)
FORK(__fork)
FORK(_Fork)

typedef int (*forker)(void);

__attribute__((visibility("hidden"), used)) forker vrift_before_vfork(void) {
  forker real = LIBC(forker, "vfork");
  vfs_fork();
  return real ? real : fork_without_libc;
}

#define VFORK(name) \
  __asm__(".text\n" \
          ".globl " #name "\n" \
          ".type " #name ", @function\n" \
          ".p2align 4\n" #name ":\n" \
          ".cfi_startproc\n" \
          "  endbr64\n" \
          "  subq $8, %rsp\n" \
          ".cfi_adjust_cfa_offset 8\n" \
          "  call vrift_before_vfork\n" \
          "  addq $8, %rsp\n" \
          ".cfi_adjust_cfa_offset -8\n" \
          "  jmp *%rax\n" \
          ".cfi_endproc\n" \
          ".size " #name ", .-" #name "\n");
VFORK(vfork)
VFORK(__vfork)
