/*
 * Is a program one the dynamic loader starts? Only those load LD_PRELOAD. Pure: the first bytes of the file in, the answer
 * out, so that the library (raw calls) and the launcher (libc) read the file each in its own way.
 */
#ifndef VRIFT_ELF_CHECK_H
#define VRIFT_ELF_CHECK_H

#include <elf.h>
#include <stddef.h>

/* Enough for the ELF header and the program headers, which linkers put right behind it, and for any `#!` line. */
enum { VRIFT_ELF_HEAD = 4096 };

/* 1: an ELF program without PT_INTERP; 0: with one, not an ELF program, or its headers lie outside `head`. */
static inline int vrift_elf_is_static(const unsigned char *head, size_t length) {
  Elf64_Ehdr elf;
  if (length < sizeof elf || __builtin_memcmp(head, ELFMAG, SELFMAG) != 0) return 0;
  __builtin_memcpy(&elf, head, sizeof elf);
  if (elf.e_ident[EI_CLASS] != ELFCLASS64 || (elf.e_type != ET_EXEC && elf.e_type != ET_DYN)) return 0;
  if (elf.e_phentsize != sizeof(Elf64_Phdr) || elf.e_phoff > length) return 0;
  if ((length - elf.e_phoff) / sizeof(Elf64_Phdr) < elf.e_phnum) return 0;
  for (size_t i = 0; i < elf.e_phnum; i++) {
    Elf64_Phdr program;
    __builtin_memcpy(&program, head + elf.e_phoff + i * sizeof program, sizeof program);
    if (program.p_type == PT_INTERP) return 0;
  }
  return 1;
}

/*
 * For a `#!` line: start and length of the interpreter's path in `head`; 0 when it is not a script.
 * As in the kernel, blanks before the path are skipped and it ends at a blank or the line's end.
 */
static inline size_t vrift_script_interpreter(const unsigned char *head, size_t length, size_t *start) {
  if (length < 3 || head[0] != '#' || head[1] != '!') return 0;
  size_t at = 2;
  while (at < length && (head[at] == ' ' || head[at] == '\t')) at++;
  *start = at;
  while (at < length && head[at] != ' ' && head[at] != '\t' && head[at] != '\n' && head[at] != 0) at++;
  return at < length ? at - *start : 0;
}

#endif
