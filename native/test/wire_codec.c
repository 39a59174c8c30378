#include "wire_codec.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vrift_wire.h"

struct message {
  uint32_t tag;
  const char *name;
  const char *shape;
};

#define MESSAGE(tag, name, shape) {tag, name, shape},
static const struct message requests[] = {VRIFT_REQUESTS(MESSAGE)};
static const struct message responses[] = {VRIFT_RESPONSES(MESSAGE)};
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
_Static_assert(COUNT(requests) == 17 && COUNT(responses) == 13, "the specification's messages");

void bytes_add(struct bytes *bytes, const void *data, size_t length) {
  if (bytes->capacity - bytes->length < length) {
    bytes->capacity = 2 * (bytes->length + length);
    bytes->data = realloc(bytes->data, bytes->capacity);
    if (bytes->data == NULL) abort();
  }
  if (length > 0) memcpy(bytes->data + bytes->length, data, length);
  bytes->length += length;
}

void bytes_free(struct bytes *bytes) {
  free(bytes->data);
  *bytes = (struct bytes){0};
}

/* Decoding: one walk over the shape; `out` gets the JSON. `error` set ends it. */
struct decoder {
  const uint8_t *data;
  size_t length;
  size_t at;
  struct bytes *out;
  const char *error;
};

static void text(struct decoder *d, const char *literal) { bytes_add(d->out, literal, strlen(literal)); }

static const uint8_t *take(struct decoder *d, uint64_t count) {
  if (d->error == NULL && count > d->length - d->at) d->error = "more bytes are needed than there are";
  if (d->error != NULL) return NULL;
  d->at += count;
  return d->data + d->at - count;
}

static uint64_t integer(struct decoder *d, size_t size) {
  const uint8_t *bytes = take(d, size);
  uint64_t value = 0;
  for (size_t i = 0; bytes != NULL && i < size; i++) value |= (uint64_t)bytes[i] << (8 * i);
  return value;
}

static bool bit(struct decoder *d) {
  uint64_t byte = integer(d, 1);
  if (d->error == NULL && byte > 1) d->error = "a byte is neither 0 nor 1";
  return byte == 1;
}

static void number(struct decoder *d, const char *format, uint64_t value) {
  char digits[32];
  snprintf(digits, sizeof digits, format, value);
  text(d, digits);
}

static void hexadecimal(struct decoder *d, uint64_t length) {
  const uint8_t *bytes = take(d, length);
  text(d, "\"");
  for (uint64_t i = 0; bytes != NULL && i < length; i++) number(d, "%02" PRIx64, bytes[i]);
  text(d, "\"");
}

/* Length of the UTF-8 sequence at `s`, or 0: no overlong forms, no surrogates, nothing above U+10FFFF. */
static size_t sequence(const uint8_t *s, size_t length) {
  if (s[0] < 0x80) return 1;
  size_t size = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
  if (s[0] < 0xc2 || s[0] > 0xf4 || size > length) return 0;
  for (size_t i = 1; i < size; i++)
    if ((s[i] & 0xc0) != 0x80) return 0;
  if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f)) return 0;
  if ((s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f)) return 0;
  return size;
}

static void string(struct decoder *d) {
  uint64_t length = integer(d, 8);
  const uint8_t *s = take(d, length);
  text(d, "\"");
  for (size_t at = 0, size; s != NULL && at < length; at += size) {
    size = sequence(s + at, length - at);
    if (size == 0) {
      d->error = "not valid UTF-8";
      return;
    }
    if (s[at] < 0x20 || s[at] == '"' || s[at] == '\\')
      number(d, "\\u%04" PRIx64, s[at]);
    else
      bytes_add(d->out, s + at, size);
  }
  text(d, "\"");
}

static const char *value(struct decoder *d, const char *type);

/* `name:type,…` up to the end or `}`; where it ended. */
static const char *fields(struct decoder *d, const char *shape) {
  text(d, "{");
  while (*shape != '\0' && *shape != '}') {
    const char *colon = strchr(shape, ':');
    text(d, "\"");
    bytes_add(d->out, shape, (size_t)(colon - shape));
    text(d, "\":");
    shape = value(d, colon + 1);
    if (*shape == ',') {
      text(d, ",");
      shape++;
    }
  }
  text(d, "}");
  return shape;
}

/* Where the next type begins. */
static const char *skip(const char *type) {
  int depth = 0;
  while (*type == '?') type++;
  do {
    if (strchr("[({", *type) != NULL) depth++;
    if (strchr("])}", *type) != NULL) depth--;
    type++;
  } while (depth > 0);
  return type;
}

static const char *list(struct decoder *d, const char *type) {
  uint64_t count = integer(d, 8);
  text(d, "[");
  /* Each element has a byte at least: a count that cannot be ends at the first one that is missing. */
  for (uint64_t i = 0; i < count && d->error == NULL; i++) {
    if (i > 0) text(d, ",");
    value(d, type);
  }
  text(d, "]");
  return skip(type) + 1;
}

static const char *value(struct decoder *d, const char *type) {
  const char *after;
  switch (*type) {
  case 'b': text(d, bit(d) ? "true" : "false"); break;
  case 'h': number(d, "%" PRIu64, integer(d, 2)); break;
  case 'u': number(d, "%" PRIu64, integer(d, 4)); break;
  case 'i': number(d, "%" PRId64, (uint64_t)(int64_t)(int32_t)integer(d, 4)); break;
  case 'q': number(d, "\"%" PRIu64 "\"", integer(d, 8)); break;
  case 's': string(d); break;
  case 'x': hexadecimal(d, integer(d, 8)); break;
  case 'H': hexadecimal(d, 32); break;
  case '?':
    if (bit(d)) return value(d, type + 1);
    text(d, "null");
    return skip(type);
  case '[': return list(d, type + 1);
  case '(':
    text(d, "[");
    after = value(d, type + 1);
    text(d, ",");
    after = value(d, after);
    text(d, "]");
    return after + 1;
  case '{': return fields(d, type + 1) + 1;
  default: abort();
  }
  return type + 1;
}

size_t wire_to_json(bool request, const uint8_t *payload, size_t length, struct bytes *json, const char **error) {
  struct decoder d = {payload, length, 0, json, NULL};
  uint64_t tag = integer(&d, 4);
  if (d.error == NULL && tag >= (request ? COUNT(requests) : COUNT(responses))) d.error = "no such tag";
  *error = d.error;
  if (d.error != NULL) return 0;
  const struct message *message = &(request ? requests : responses)[tag];
  bool unit = *message->shape == '\0';
  text(&d, unit ? "\"" : "{\"");
  text(&d, message->name);
  text(&d, unit ? "\"" : "\":");
  if (*message->shape == '=')
    value(&d, message->shape + 1);
  else if (!unit)
    fields(&d, message->shape);
  if (!unit) text(&d, "}");
  *error = d.error;
  return d.error == NULL ? d.at : 0;
}

static void put(struct bytes *out, uint64_t number, size_t size) {
  uint8_t bytes[8];
  for (size_t i = 0; i < size; i++) bytes[i] = (uint8_t)(number >> (8 * i));
  bytes_add(out, bytes, size);
}

static void put_string(struct bytes *out, const char *string) {
  put(out, strlen(string), 8);
  bytes_add(out, string, strlen(string));
}

/* Only what the messages have: lists of strings, lists of pairs of strings, an optional string. */
static void put_strings(struct bytes *out, size_t count, size_t each, const char *const *strings) {
  put(out, count, 8);
  for (size_t i = 0; i < count * each; i++) put_string(out, strings[i]);
}

void wire_encode(struct bytes *out, uint32_t tag, ...) {
  va_list arguments;
  va_start(arguments, tag);
  put(out, tag, 4);
  for (const char *shape = requests[tag].shape; *shape != '\0';) {
    if (*shape == '}' || *shape == ',') {
      shape++;
      continue;
    }
    const char *type = strchr(shape, ':') + 1;
    shape = skip(type);
    switch (*type) {
    case 'b': put(out, (uint64_t)va_arg(arguments, int), 1); break;
    case 'h': put(out, (uint64_t)va_arg(arguments, int), 2); break;
    case 'u':
    case 'i': put(out, (uint64_t)va_arg(arguments, int), 4); break;
    case 'q': put(out, va_arg(arguments, uint64_t), 8); break;
    case 's': put_string(out, va_arg(arguments, const char *)); break;
    case 'H': bytes_add(out, va_arg(arguments, const uint8_t *), 32); break;
    case 'x': {
      const uint8_t *bytes = va_arg(arguments, const uint8_t *);
      size_t length = va_arg(arguments, size_t);
      put(out, length, 8);
      bytes_add(out, bytes, length);
      break;
    }
    case '?': {
      const char *string = va_arg(arguments, const char *);
      put(out, string != NULL, 1);
      if (string != NULL) put_string(out, string);
      break;
    }
    case '[': {
      size_t count = va_arg(arguments, size_t);
      put_strings(out, count, type[1] == '(' ? 2 : 1, va_arg(arguments, const char *const *));
      break;
    }
    case '{': shape = type + 1; break;
    default: abort();
    }
  }
  va_end(arguments);
}
