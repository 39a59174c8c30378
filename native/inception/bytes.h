/* Byte strings and numbers without libc. gcc may call memcpy, memset, memmove and memcmp by itself: bytes.c has them. */
#ifndef VRIFT_BYTES_H
#define VRIFT_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void *memcpy(void *to, const void *from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int byte, size_t size);
int memcmp(const void *a, const void *b, size_t size);

size_t text_length(const char *text);
bool text_equal(const char *a, const char *b);
/* `prefix` is a literal. */
bool text_starts(const char *text, const char *prefix);

/* Both return the end of what they wrote; no NUL. */
char *append_text(char *to, const char *text);
char *append_decimal(char *to, uint64_t value);
char *append_hex(char *to, const uint8_t *bytes, size_t count);

/* Decimal digits at *at, which is moved behind them; false without a digit or above INT32_MAX. */
bool parse_number(const char **at, uint32_t *value);

#endif
