/*
 * Is a program statically linked, so that LD_PRELOAD means nothing to it? Pure: bytes in, answer out; used by the injected
 * library before exec and by the launcher for the command itself. A `#!` line names another file to ask about.
 */
#ifndef VRIFT_ELF_CHECK_H
#define VRIFT_ELF_CHECK_H

#include <linux/elf.h>
#include <stddef.h>
#include <stdint.h>

/* Enough for the program headers of any linker's output, and for a #! line (the kernel reads 256 bytes of it). */
#define ELF_CHECK_BYTES 4096

enum elf_check { ELF_OTHER, ELF_DYNAMIC, ELF_STATIC, ELF_SCRIPT };

static inline uint64_t elf_check_number(const uint8_t *at, int size) {
  uint64_t value = 0;
  for (int i = size - 1; i >= 0; i--) value = value << 8 | at[i];
  return value;
}

/* `head`: the first `size` bytes of the file. ELF_OTHER: not ELF, or not to be told from these bytes. */
static inline enum elf_check elf_check(const uint8_t *head, size_t size) {
  if (size >= 2 && head[0] == '#' && head[1] == '!') return ELF_SCRIPT;
  if (size < 64 || head[0] != 0x7f || head[1] != 'E' || head[2] != 'L' || head[3] != 'F') return ELF_OTHER;
  if (head[EI_DATA] != ELFDATA2LSB) return ELF_OTHER;
  int wide = head[EI_CLASS] == ELFCLASS64;
  uint64_t type = elf_check_number(head + 16, 2);
  if (type != ET_EXEC && type != ET_DYN) return ELF_OTHER;
  uint64_t at = wide ? elf_check_number(head + 32, 8) : elf_check_number(head + 28, 4);
  uint64_t each = elf_check_number(head + (wide ? 54 : 42), 2);
  uint64_t count = elf_check_number(head + (wide ? 56 : 44), 2);
  if (each < (wide ? 56u : 32u) || count == 0) return ELF_OTHER;
  for (uint64_t i = 0; i < count; i++) {
    if (at > size || each > size - at) return ELF_OTHER;
    if (elf_check_number(head + at, 4) == PT_INTERP) return ELF_DYNAMIC;
    at += each;
  }
  return ELF_STATIC;
}

/* Interpreter of a #! line, NUL-terminated, into `out` of `room` bytes: its length, 0 when there is none. */
static inline size_t elf_check_interpreter(const uint8_t *head, size_t size, char *out, size_t room) {
  size_t at = 2, length = 0;
  while (at < size && (head[at] == ' ' || head[at] == '\t')) at++;
  while (at < size && head[at] != ' ' && head[at] != '\t' && head[at] != '\n' && head[at] != 0) {
    if (length + 1 >= room) return 0;
    out[length++] = (char)head[at++];
  }
  if (room > 0) out[length] = 0;
  return length;
}

#endif
