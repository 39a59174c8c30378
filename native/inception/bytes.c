#include "bytes.h"

/* Tests compile this with a libc and its sanitizers, which have their own. */
#if !__STDC_HOSTED__
/* `rep movsb` has a start-up cost of some 30 ns: paths and entries are copied in words instead. */
struct word16 {
  uint64_t half[2];
} __attribute__((packed, may_alias));

void *memcpy(void *to, const void *from, size_t size) {
  uint8_t *out = to;
  const uint8_t *in = from;
  if (size >= 2048) {
    __asm__ volatile("rep movsb" : "+D"(out), "+S"(in), "+c"(size) : : "memory");
    return to;
  }
  for (; size >= 16; size -= 16, out += 16, in += 16) *(struct word16 *)out = *(const struct word16 *)in;
  for (; size > 0; size--) *out++ = *in++;
  return to;
}

void *memmove(void *to, const void *from, size_t size) {
  uint8_t *out = to;
  const uint8_t *in = from;
  if (out <= in || out >= in + size) {
    for (size_t i = 0; i < size; i++) out[i] = in[i];
  } else {
    while (size > 0) {
      size--;
      out[size] = in[size];
    }
  }
  return to;
}

void *memset(void *to, int byte, size_t size) {
  uint8_t *out = to;
  for (size_t i = 0; i < size; i++) out[i] = (uint8_t)byte;
  return to;
}

int memcmp(const void *a, const void *b, size_t size) {
  const uint8_t *left = a, *right = b;
  for (size_t i = 0; i < size; i++)
    if (left[i] != right[i]) return left[i] < right[i] ? -1 : 1;
  return 0;
}

#endif

size_t text_length(const char *text) {
  size_t length = 0;
  while (text[length] != 0) length++;
  return length;
}

bool text_equal(const char *a, const char *b) {
  while (*a != 0 && *a == *b) a++, b++;
  return *a == *b;
}

bool text_starts(const char *text, const char *prefix) {
  while (*prefix != 0)
    if (*text++ != *prefix++) return false;
  return true;
}

char *append_text(char *to, const char *text) {
  while (*text != 0) *to++ = *text++;
  return to;
}

char *append_decimal(char *to, uint64_t value) {
  char digits[20];
  int count = 0;
  do digits[count++] = (char)('0' + value % 10);
  while ((value /= 10) != 0);
  while (count > 0) *to++ = digits[--count];
  return to;
}

char *append_hex(char *to, const uint8_t *bytes, size_t count) {
  for (size_t i = 0; i < count; i++) {
    *to++ = "0123456789abcdef"[bytes[i] >> 4];
    *to++ = "0123456789abcdef"[bytes[i] & 15];
  }
  return to;
}

bool parse_number(const char **at, uint32_t *value) {
  const char *text = *at;
  uint64_t sum = 0;
  if (*text < '0' || *text > '9') return false;
  for (; *text >= '0' && *text <= '9'; text++) {
    sum = sum * 10 + (uint64_t)(*text - '0');
    if (sum > INT32_MAX) return false;
  }
  *at = text;
  *value = (uint32_t)sum;
  return true;
}
