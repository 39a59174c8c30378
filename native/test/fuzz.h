/*
 * Fuzzing of what is read from shared memory: damage to a good index (and marks) is written as a list of stores, so that an
 * input is short, and a kept one says what it does.
 *
 *   fuzz_<target> CORPUS SEED SECONDS KEEP    every input of the corpus, then SECONDS of mutations of them (fuzz_driver.c)
 *
 * Each target is a LLVMFuzzerTestOneInput, so that libFuzzer can take the driver's place (clang -fsanitize=fuzzer).
 *
 * An input is records of 12 bytes: section (u8), width (u8: 1, 2, 4 or 8, else 4), kind of value (u8), 0 (u8), position (u32,
 * modulo the section), value (u32). The kind turns the value into one that is likely to be at a bound. See fuzz_base.c.
 */
#ifndef VRIFT_FUZZ_H
#define VRIFT_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "index_writer.h"

#define FUZZ_DIRECTORIES 5
#define FUZZ_FILES 40
#define FUZZ_KEY_SIZE 256

/* The damaged index: exactly `size` bytes of a heap block, and marks of their own. */
struct fuzz_case {
  uint8_t *index;
  size_t size;
  uint64_t *marks; /* MARK_COUNT */
};

/* Of the good index: "d<n>" and, below them, "d<n>/file…", every third with a key that is in the pool. */
void fuzz_key(int number, char *key);

/* `root` is what the index says its root is; the first call of a process makes the good index. */
void fuzz_damage(const uint8_t *data, size_t size, const char *root, struct fuzz_case *damaged);
void fuzz_free(struct fuzz_case *damaged);

/* Reads a byte of each page and of the ends, so that the sanitizer sees what a program would touch. */
void fuzz_touch(const void *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
