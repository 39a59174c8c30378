/*
 * syscall(): libuv, jemalloc and others call the kernel through it. Numbers that concern us go to the same functions as the
 * symbols; all others run libc's own few instructions, without a stack frame, because a child of clone or vfork may come
 * back through them.
 */
#include "errno_slot.h"
#include "vfs.h"
#include "view.h"

#define HANDLED(X) \
  X(__NR_open) X(__NR_stat) X(__NR_fstat) X(__NR_lstat) X(__NR_access) X(__NR_dup) X(__NR_dup2) X(__NR_bind) \
  X(__NR_execve) X(__NR_fcntl) X(__NR_flock) X(__NR_truncate) X(__NR_chdir) X(__NR_fchdir) X(__NR_rename) \
  X(__NR_mkdir) X(__NR_rmdir) X(__NR_creat) X(__NR_link) X(__NR_unlink) X(__NR_symlink) X(__NR_readlink) \
  X(__NR_chmod) X(__NR_fchmod) X(__NR_chown) X(__NR_fchown) X(__NR_lchown) X(__NR_mknod) X(__NR_statfs) \
  X(__NR_chroot) X(__NR_setxattr) X(__NR_lsetxattr) X(__NR_fsetxattr) X(__NR_getxattr) X(__NR_lgetxattr) \
  X(__NR_listxattr) X(__NR_llistxattr) X(__NR_removexattr) X(__NR_lremovexattr) X(__NR_fremovexattr) \
  X(__NR_getdents64) X(__NR_inotify_add_watch) X(__NR_openat) X(__NR_mkdirat) X(__NR_mknodat) X(__NR_fchownat) \
  X(__NR_newfstatat) X(__NR_unlinkat) X(__NR_renameat) X(__NR_linkat) X(__NR_symlinkat) X(__NR_readlinkat) \
  X(__NR_fchmodat) X(__NR_faccessat) X(__NR_unshare) X(__NR_utimensat) X(__NR_dup3) X(__NR_name_to_handle_at) X(__NR_fanotify_mark) \
  X(__NR_setns) X(__NR_renameat2) X(__NR_execveat) X(__NR_statx) X(__NR_io_uring_setup) X(__NR_openat2) \
  X(__NR_faccessat2) X(__NR_fchmodat2)

/* One bit per number. */
#define IN(word, n) | ((n) / 64 == (word) ? 1ull << ((n) % 64) : 0)
#define IN_0(n) IN(0, n)
#define IN_1(n) IN(1, n)
#define IN_2(n) IN(2, n)
#define IN_3(n) IN(3, n)
#define IN_4(n) IN(4, n)
#define IN_5(n) IN(5, n)
#define IN_6(n) IN(6, n)
#define IN_7(n) IN(7, n)
__attribute__((visibility("hidden"))) const uint64_t vrift_handled_calls[8] = {
    0 HANDLED(IN_0), 0 HANDLED(IN_1), 0 HANDLED(IN_2), 0 HANDLED(IN_3),
    0 HANDLED(IN_4), 0 HANDLED(IN_5), 0 HANDLED(IN_6), 0 HANDLED(IN_7),
};

#define PATH(x) ((const char *)(x))

static long dispatch(long n, long a, long b, long c, long d, long e) {
  switch (n) {
  case __NR_open:
    return vfs_openat(AT_FDCWD, PATH(a), (int)b, (unsigned)c);
  case __NR_creat:
    return vfs_openat(AT_FDCWD, PATH(a), O_WRONLY | O_CREAT | O_TRUNC, (unsigned)b);
  case __NR_openat:
    return vfs_openat((int)a, PATH(b), (int)c, (unsigned)d);
  case __NR_openat2:
    return vfs_openat2((int)a, PATH(b), (const struct open_how *)c, (size_t)d);
  case __NR_stat:
    return vfs_statat(AT_FDCWD, PATH(a), (struct stat *)b, 0);
  case __NR_lstat:
    return vfs_statat(AT_FDCWD, PATH(a), (struct stat *)b, AT_SYMLINK_NOFOLLOW);
  case __NR_fstat:
    return vfs_fstat((int)a, (struct stat *)b);
  case __NR_newfstatat:
    return vfs_statat((int)a, PATH(b), (struct stat *)c, (int)d);
  case __NR_statx:
    return vfs_statx((int)a, PATH(b), (int)c, (unsigned)d, (struct statx *)e);
  case __NR_access:
    return vfs_access(PATH(a), (int)b);
  case __NR_faccessat:
    return vfs_accessat((int)a, PATH(b), (int)c, 0);
  case __NR_faccessat2:
    return vfs_accessat((int)a, PATH(b), (int)c, (int)d);
  case __NR_readlink:
    return vfs_readlinkat(AT_FDCWD, PATH(a), (char *)b, (size_t)c);
  case __NR_readlinkat:
    return vfs_readlinkat((int)a, PATH(b), (char *)c, (size_t)d);
  case __NR_statfs:
    return vfs_statfs(PATH(a), (struct statfs *)b);
  case __NR_getdents64:
    return vfs_getdents64((int)a, (void *)b, (size_t)c);
  case __NR_unlink:
    return vfs_unlinkat(AT_FDCWD, PATH(a), 0);
  case __NR_rmdir:
    return vfs_unlinkat(AT_FDCWD, PATH(a), AT_REMOVEDIR);
  case __NR_unlinkat:
    return vfs_unlinkat((int)a, PATH(b), (int)c);
  case __NR_rename:
    return vfs_renameat(AT_FDCWD, PATH(a), AT_FDCWD, PATH(b), 0);
  case __NR_renameat:
    return vfs_renameat((int)a, PATH(b), (int)c, PATH(d), 0);
  case __NR_renameat2:
    return vfs_renameat((int)a, PATH(b), (int)c, PATH(d), (unsigned)e);
  case __NR_link:
    return vfs_linkat(AT_FDCWD, PATH(a), AT_FDCWD, PATH(b), 0);
  case __NR_linkat:
    return vfs_linkat((int)a, PATH(b), (int)c, PATH(d), (int)e);
  case __NR_symlink:
    return vfs_symlinkat(PATH(a), AT_FDCWD, PATH(b));
  case __NR_symlinkat:
    return vfs_symlinkat(PATH(a), (int)b, PATH(c));
  case __NR_mkdir:
    return vfs_mkdirat(AT_FDCWD, PATH(a), (unsigned)b);
  case __NR_mkdirat:
    return vfs_mkdirat((int)a, PATH(b), (unsigned)c);
  case __NR_mknod:
    return vfs_mknodat(AT_FDCWD, PATH(a), (unsigned)b, (uint64_t)c);
  case __NR_mknodat:
    return vfs_mknodat((int)a, PATH(b), (unsigned)c, (uint64_t)d);
  case __NR_bind:
    return vfs_bind((int)a, (const void *)b, (unsigned)c);
  case __NR_chmod:
    return vfs_chmodat(AT_FDCWD, PATH(a), (unsigned)b, 0);
  case __NR_fchmodat:
    return vfs_chmodat((int)a, PATH(b), (unsigned)c, 0);
  case __NR_fchmodat2:
    return vfs_chmodat((int)a, PATH(b), (unsigned)c, (int)d);
  case __NR_fchmod:
    return vfs_fchmod((int)a, (unsigned)b);
  case __NR_chown:
    return vfs_chownat(AT_FDCWD, PATH(a), (unsigned)b, (unsigned)c, 0);
  case __NR_lchown:
    return vfs_chownat(AT_FDCWD, PATH(a), (unsigned)b, (unsigned)c, AT_SYMLINK_NOFOLLOW);
  case __NR_fchownat:
    return vfs_chownat((int)a, PATH(b), (unsigned)c, (unsigned)d, (int)e);
  case __NR_fchown:
    return vfs_fchown((int)a, (unsigned)b, (unsigned)c);
  case __NR_utimensat:
    return vfs_utimensat((int)a, PATH(b), (const struct __kernel_timespec *)c, (int)d);
  case __NR_truncate:
    return vfs_truncate(PATH(a), b);
  case __NR_getxattr:
    return vfs_getxattr(PATH(a), PATH(b), (void *)c, (size_t)d, true);
  case __NR_lgetxattr:
    return vfs_getxattr(PATH(a), PATH(b), (void *)c, (size_t)d, false);
  case __NR_listxattr:
    return vfs_listxattr(PATH(a), (char *)b, (size_t)c, true);
  case __NR_llistxattr:
    return vfs_listxattr(PATH(a), (char *)b, (size_t)c, false);
  case __NR_setxattr:
    return vfs_setxattr(PATH(a), PATH(b), (const void *)c, (size_t)d, (int)e, true);
  case __NR_lsetxattr:
    return vfs_setxattr(PATH(a), PATH(b), (const void *)c, (size_t)d, (int)e, false);
  case __NR_fsetxattr:
    return vfs_fsetxattr((int)a, PATH(b), (const void *)c, (size_t)d, (int)e);
  case __NR_removexattr:
    return vfs_removexattr(PATH(a), PATH(b), true);
  case __NR_lremovexattr:
    return vfs_removexattr(PATH(a), PATH(b), false);
  case __NR_fremovexattr:
    return vfs_fremovexattr((int)a, PATH(b));
  case __NR_chdir:
    return vfs_chdir(PATH(a));
  case __NR_fchdir:
    return vfs_fchdir((int)a);
  case __NR_chroot:
    return vfs_chroot(PATH(a));
  case __NR_unshare:
    return vfs_unshare((int)a);
  case __NR_setns:
    return vfs_setns((int)a, (int)b);
  case __NR_dup:
    return vfs_dup((int)a);
  case __NR_dup2:
    return vfs_dup2((int)a, (int)b);
  case __NR_dup3:
    return vfs_dup3((int)a, (int)b, (int)c);
  case __NR_fcntl:
    return vfs_fcntl((int)a, (int)b, c);
  case __NR_flock:
    return vfs_flock((int)a, (int)b);
  case __NR_inotify_add_watch:
    return vfs_inotify_add_watch((int)a, PATH(b), (unsigned)c);
  case __NR_fanotify_mark:
    return vfs_fanotify_mark((int)a, (unsigned)b, (uint64_t)c, (int)d, PATH(e));
  case __NR_name_to_handle_at:
    return vfs_name_to_handle_at((int)a, PATH(b), (void *)c, (int *)d, (int)e);
  case __NR_execve:
    return vfs_execveat(AT_FDCWD, PATH(a), (char *const *)b, (char *const *)c, 0);
  case __NR_execveat:
    return vfs_execveat((int)a, PATH(b), (char *const *)c, (char *const *)d, (int)e);
  case __NR_io_uring_setup:
    /* A ring opens files where nobody can look; every user of one has another way. */
    return view_current() != 0 ? -ENOSYS : raw2(n, a, b);
  default:
    return -ENOSYS;
  }
}

__attribute__((visibility("hidden"), used)) long vrift_syscall(long n, long a, long b, long c, long d, long e) {
  return answer(dispatch(n, a, b, c, d, e));
}

__attribute__((visibility("hidden"), used)) long vrift_syscall_failed(long result) { return answer(result); }

__asm__(".text\n"
        ".globl syscall\n"
        ".type syscall, @function\n"
        ".p2align 4\n"
        "syscall:\n"
        ".cfi_startproc\n"
        "  endbr64\n"
        "  cmpq $511, %rdi\n"
        "  ja 1f\n"
        "  leaq vrift_handled_calls(%rip), %r11\n"
        "  btq %rdi, (%r11)\n"
        "  jnc 1f\n"
        "  jmp vrift_syscall\n"
        "1:\n"
        "  movq %rdi, %rax\n"
        "  movq %rsi, %rdi\n"
        "  movq %rdx, %rsi\n"
        "  movq %rcx, %rdx\n"
        "  movq %r8, %r10\n"
        "  movq %r9, %r8\n"
        "  movq 8(%rsp), %r9\n"
        "  syscall\n"
        "  cmpq $-4095, %rax\n"
        "  jae 2f\n"
        "  ret\n"
        "2:\n"
        "  movq %rax, %rdi\n"
        "  jmp vrift_syscall_failed\n"
        ".cfi_endproc\n"
        ".size syscall, .-syscall\n");
