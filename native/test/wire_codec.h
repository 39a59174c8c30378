/* Messages by their shapes (generated/vrift_wire.h): to JSON, and from arguments. Bytes in, bytes out; no I/O. */
#ifndef WIRE_CODEC_H
#define WIRE_CODEC_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes {
  uint8_t *data;
  size_t length;
  size_t capacity;
};

void bytes_add(struct bytes *bytes, const void *data, size_t length);
void bytes_free(struct bytes *bytes);

/*
 * Decodes a payload and appends its JSON to `json`. The number of bytes that the message takes (what follows is ignored), or 0
 * when it is not one; then `*error` is a sentence.
 */
size_t wire_to_json(bool request, const uint8_t *payload, size_t length, struct bytes *json, const char **error);

/*
 * Appends a request. Arguments by the types of its shape: b, h, u, i an int; q a uint64_t; s a char *; x a uint8_t * and a size_t;
 * H a uint8_t *; ?s a char * or NULL; [s] a size_t and a char **; [(ss)] a size_t and a char **, two for each; a struct its fields.
 */
void wire_encode(struct bytes *out, uint32_t tag, ...);

#endif
