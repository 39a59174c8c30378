/*
 * A client in C that speaks the protocol from the generated header.
 *
 *   wire_client decode request|response   a payload in hexadecimal per line on stdin; one line each:
 *                                         {"ok":true,"message":…,"size":N} or {"ok":false,"error":"…"}
 *   wire_client examples                  the requests of docs/protocol.md made here, in hexadecimal
 *   wire_client talk SOCKET               payloads per line on stdin are sent, all before a reply is read; one line of
 *                                         JSON for each reply
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "vrift_wire.h"
#include "wire_codec.h"

static void fail(const char *what) {
  perror(what);
  exit(1);
}

/* False at the end of the input. */
static bool read_hex_line(struct bytes *out) {
  static char *line;
  static size_t capacity;
  ssize_t length = getline(&line, &capacity, stdin);
  if (length < 0) return false;
  out->length = 0;
  for (ssize_t i = 0; i + 1 < length && isxdigit((unsigned char)line[i]); i += 2) {
    unsigned byte;
    if (sscanf(line + i, "%2x", &byte) != 1) fail("hexadecimal");
    bytes_add(out, &(uint8_t){(uint8_t)byte}, 1);
  }
  return true;
}

static void decode(bool request) {
  struct bytes payload = {0}, json = {0};
  while (read_hex_line(&payload)) {
    const char *error;
    json.length = 0;
    /* A copy of exactly the size, so that a sanitizer sees a byte read too far. */
    uint8_t *exact = malloc(payload.length > 0 ? payload.length : 1);
    if (payload.length > 0) memcpy(exact, payload.data, payload.length);
    size_t size = wire_to_json(request, exact, payload.length, &json, &error);
    free(exact);
    if (error != NULL)
      printf("{\"ok\":false,\"error\":\"%s\"}\n", error);
    else
      printf("{\"ok\":true,\"message\":%.*s,\"size\":%zu}\n", (int)json.length, (const char *)json.data, size);
  }
  bytes_free(&payload);
  bytes_free(&json);
}

static void print_hex(struct bytes *message) {
  for (size_t i = 0; i < message->length; i++) printf("%02x", message->data[i]);
  printf("\n");
  message->length = 0;
}

#define EXAMPLE(...) (wire_encode(&message, __VA_ARGS__), print_hex(&message))

static void examples(void) {
  static const uint8_t empty[32] = {0xaf, 0x13, 0x49, 0xb9, 0xf5, 0xf9, 0xa1, 0xa6, 0xa0, 0x40, 0x4d,
                                    0xea, 0x36, 0xdc, 0xc9, 0x49, 0x9b, 0xcb, 0x25, 0xc9, 0xad, 0xc1,
                                    0x12, 0xb7, 0xcc, 0x9a, 0x93, 0xca, 0xe4, 0x1f, 0x32, 0x62};
  static const char *const command[] = {"ls", "-l"};
  static const char *const env[] = {"A", "\xc3\xa9"};
  struct bytes message = {0};
  EXAMPLE(VRIFT_REQUEST_HANDSHAKE, VRIFT_PROTOCOL_VERSION);
  EXAMPLE(VRIFT_REQUEST_STATUS);
  EXAMPLE(VRIFT_REQUEST_REGISTER_WORKSPACE, "/proj");
  EXAMPLE(VRIFT_REQUEST_MANIFEST_GET, "src/main.rs");
  EXAMPLE(VRIFT_REQUEST_MANIFEST_UPSERT, "a", empty, UINT64_C(0), UINT64_C(1700000000123456789), 0644, 0);
  EXAMPLE(VRIFT_REQUEST_MANIFEST_REMOVE, "a");
  EXAMPLE(VRIFT_REQUEST_MANIFEST_RENAME, "a", "b");
  EXAMPLE(VRIFT_REQUEST_MANIFEST_UPDATE_MTIME, "a", UINT64_MAX);
  EXAMPLE(VRIFT_REQUEST_MANIFEST_REINGEST, "src/lib.rs", "/tmp/cow123");
  EXAMPLE(VRIFT_REQUEST_MANIFEST_LIST_DIR, "");
  EXAMPLE(VRIFT_REQUEST_CAS_INSERT, empty, UINT64_C(0));
  EXAMPLE(VRIFT_REQUEST_CAS_GET, empty);
  EXAMPLE(VRIFT_REQUEST_CAS_SWEEP, (const uint8_t[]){0x00, 0xff}, (size_t)2);
  EXAMPLE(VRIFT_REQUEST_FLOCK_ACQUIRE, "a", 6);
  EXAMPLE(VRIFT_REQUEST_FLOCK_RELEASE, "a");
  EXAMPLE(VRIFT_REQUEST_SPAWN, (size_t)2, command, (size_t)1, env, "/");
  EXAMPLE(VRIFT_REQUEST_PROTECT, "a", 1, (const char *)NULL);
  bytes_free(&message);
}

static void receive(int fd, uint8_t *data, size_t length) {
  while (length > 0) {
    ssize_t count = read(fd, data, length);
    if (count <= 0) fail("the daemon closed the connection");
    data += count;
    length -= (size_t)count;
  }
}

static void talk(const char *path) {
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) fail("the path is too long");
  strcpy(address.sun_path, path);
  if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0) fail(path);
  struct bytes payload = {0}, json = {0};
  size_t count = 0;
  for (; read_hex_line(&payload); count++) {
    uint8_t header[4];
    for (int i = 0; i < 4; i++) header[i] = (uint8_t)(payload.length >> (8 * i));
    if (write(fd, header, 4) != 4 || write(fd, payload.data, payload.length) != (ssize_t)payload.length) fail("write");
  }
  for (; count > 0; count--) {
    uint8_t header[4];
    receive(fd, header, 4);
    uint32_t length = header[0] | (uint32_t)header[1] << 8 | (uint32_t)header[2] << 16 | (uint32_t)header[3] << 24;
    if (length > VRIFT_FRAME_MAX) fail("the frame is over the limit");
    uint8_t *reply = malloc(length + 1);
    receive(fd, reply, length);
    const char *error;
    json.length = 0;
    if (wire_to_json(false, reply, length, &json, &error) == 0) fail(error);
    printf("%.*s\n", (int)json.length, (const char *)json.data);
    free(reply);
  }
  bytes_free(&payload);
  bytes_free(&json);
  close(fd);
}

int main(int argc, char **argv) {
  if (argc == 3 && strcmp(argv[1], "decode") == 0)
    decode(strcmp(argv[2], "request") == 0);
  else if (argc == 2 && strcmp(argv[1], "examples") == 0)
    examples();
  else if (argc == 3 && strcmp(argv[1], "talk") == 0)
    talk(argv[2]);
  else
    return 2;
  return 0;
}
