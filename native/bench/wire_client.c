/*
 * Asks a server on a Unix socket as fast as it answers, from one thread.
 *   wire-client SOCKET CPU CONNECTIONS DEPTH MILLISECONDS REPLY_TAG SETUP_FILE REQUESTS_FILE
 * Files hold frames (u32 little-endian length, payload). Every connection sends the frames of SETUP_FILE and waits for as many
 * replies; then DEPTH requests of REQUESTS_FILE are under way on each at a time. A reply whose payload does not begin with
 * REPLY_TAG ends the run. CPU -1: not pinned. Prints `requests N`, `per_second N`, and at depth 1 the nanoseconds of a
 * round trip: `p50 N`, `p99 N`, `p999 N`, `worst N`. A tenth of the time goes by before anything is counted.
 * MILLISECONDS 0: prints `ready` after the setup, and stays until standard input ends.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define INPUT_SIZE (256 * 1024)
#define MOST_LATENCIES (8u << 20)

struct frames {
  uint8_t *bytes;
  size_t size;
  size_t count;
  size_t *at; /* count + 1 offsets */
};

struct connection {
  int fd;
  size_t next;       /* of the requests */
  uint64_t sent_ns;  /* depth 1 */
  uint8_t *left;     /* begin of a reply that is not complete */
  size_t left_size;
  uint8_t *unsent;
  size_t unsent_size;
};

static uint32_t *latencies;
static size_t latency_count;
static uint64_t answered;
static uint32_t expected_tag;
static bool counting;
static uint8_t input[INPUT_SIZE];

static void die(const char *what) {
  perror(what);
  exit(1);
}

static uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint32_t load4(const uint8_t *p) {
  uint32_t value;
  memcpy(&value, p, 4);
  return value;
}

static struct frames read_frames(const char *path) {
  struct frames frames = {0};
  FILE *file = fopen(path, "r");
  if (!file) die(path);
  size_t capacity = 1 << 20;
  frames.bytes = malloc(capacity);
  for (size_t n; (n = fread(frames.bytes + frames.size, 1, capacity - frames.size, file)) > 0;)
    if ((frames.size += n) == capacity) frames.bytes = realloc(frames.bytes, capacity *= 2);
  fclose(file);
  frames.at = malloc(sizeof(size_t) * (frames.size / 4 + 1));
  size_t at = 0;
  while (at + 4 <= frames.size) frames.at[frames.count++] = at, at += 4 + load4(frames.bytes + at);
  if (at != frames.size) exit((fprintf(stderr, "%s: not whole frames\n", path), 2));
  frames.at[frames.count] = at;
  return frames;
}

static int connect_to(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) exit((fprintf(stderr, "%s: too long\n", path), 2));
  strcpy(address.sun_path, path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) die("socket");
  while (connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
    if (errno != EAGAIN || usleep(1000) != 0) die(path);
  return fd;
}

static void send_all(int fd, const uint8_t *bytes, size_t size) {
  for (size_t done = 0; done < size;) {
    ssize_t n = send(fd, bytes + done, size - done, MSG_NOSIGNAL);
    if (n < 0 && errno != EINTR) die("send");
    if (n > 0) done += (size_t)n;
  }
}

static void receive_exactly(int fd, uint8_t *bytes, size_t size) {
  for (size_t done = 0; done < size;) {
    ssize_t n = recv(fd, bytes + done, size - done, 0);
    if (n == 0) exit((fprintf(stderr, "the server closed the connection\n"), 1));
    if (n < 0 && errno != EINTR) die("recv");
    if (n > 0) done += (size_t)n;
  }
}

static void set_up(int fd, const struct frames *setup) {
  send_all(fd, setup->bytes, setup->size);
  for (size_t i = 0; i < setup->count; i++) {
    uint8_t header[4];
    receive_exactly(fd, header, 4);
    uint32_t length = load4(header);
    if (length > sizeof input) exit((fprintf(stderr, "a reply of %u bytes\n", length), 1));
    receive_exactly(fd, input, length);
    if (length >= 4 && load4(input) == 12) exit((fprintf(stderr, "%.*s\n", (int)length - 12, input + 12), 1));
  }
}

static void flush_unsent(struct connection *c) {
  ssize_t n = send(c->fd, c->unsent, c->unsent_size, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (n < 0 && errno != EAGAIN) die("send");
  if (n <= 0) return;
  memmove(c->unsent, c->unsent + n, c->unsent_size -= (size_t)n);
}

/* Consecutive frames of the file in one send. What the kernel does not take waits. */
static void ask(struct connection *c, const struct frames *requests, size_t count) {
  while (count > 0) {
    size_t run = requests->count - c->next < count ? requests->count - c->next : count;
    const uint8_t *from = requests->bytes + requests->at[c->next];
    size_t size = requests->at[c->next + run] - requests->at[c->next];
    size_t sent = 0;
    if (c->unsent_size == 0) {
      ssize_t n = send(c->fd, from, size, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n < 0 && errno != EAGAIN) die("send");
      if (n > 0) sent = (size_t)n;
    }
    if (sent < size) {
      c->unsent = realloc(c->unsent, c->unsent_size + size - sent);
      memcpy(c->unsent + c->unsent_size, from + sent, size - sent);
      c->unsent_size += size - sent;
    }
    c->next = (c->next + run) % requests->count;
    count -= run;
  }
}

/* How many replies are complete now. */
static size_t receive(struct connection *c) {
  memcpy(input, c->left, c->left_size);
  ssize_t n = recv(c->fd, input + c->left_size, sizeof input - c->left_size, MSG_DONTWAIT);
  if (n == 0) exit((fprintf(stderr, "the server closed the connection\n"), 1));
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
  if (n < 0) die("recv");
  size_t size = c->left_size + (size_t)n, at = 0, replies = 0;
  while (size - at >= 8 && size - at >= 4 + (size_t)load4(input + at)) {
    if (load4(input + at + 4) != expected_tag) exit((fprintf(stderr, "a reply of tag %u\n", load4(input + at + 4)), 1));
    at += 4 + load4(input + at);
    replies++;
  }
  c->left_size = size - at;
  if (c->left_size) memcpy(c->left = realloc(c->left, c->left_size), input + at, c->left_size);
  return replies;
}

static void note(size_t replies, uint64_t nanoseconds, bool timed) {
  if (!counting) return;
  answered += replies;
  if (timed && latency_count < MOST_LATENCIES) latencies[latency_count++] = (uint32_t)nanoseconds;
}

/* One connection, one request at a time: no epoll between the two. */
static void ping_pong(struct connection *c, const struct frames *requests, uint64_t until) {
  for (;;) {
    size_t size = requests->at[c->next + 1] - requests->at[c->next];
    uint64_t begin = now_ns();
    if (begin > until) return;
    send_all(c->fd, requests->bytes + requests->at[c->next], size);
    uint8_t reply[256];
    ssize_t n = recv(c->fd, reply, sizeof reply, 0);
    if (n < 8 || (size_t)n != 4 + (size_t)load4(reply) || load4(reply + 4) != expected_tag)
      exit((fprintf(stderr, "not one whole reply of tag %u\n", expected_tag), 1));
    note(1, now_ns() - begin, true);
    c->next = (c->next + 1) % requests->count;
  }
}

static void pipelined(struct connection *all, size_t count, size_t depth, const struct frames *requests, int epoll,
                      uint64_t until) {
  struct epoll_event events[256];
  (void)count;
  for (;;) {
    int ready = epoll_wait(epoll, events, 256, 1000);
    uint64_t now = now_ns();
    if (now > until) return;
    for (int i = 0; i < ready; i++) {
      struct connection *c = &all[events[i].data.u32];
      if (c->unsent_size) flush_unsent(c);
      size_t replies = receive(c);
      if (replies == 0) continue;
      if (depth == 1) now = now_ns();
      note(replies, now - c->sent_ns, depth == 1);
      c->sent_ns = now;
      ask(c, requests, replies);
    }
  }
}

static int by_value(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return x < y ? -1 : x > y;
}

static void print_share(const char *name, double share) {
  size_t at = (size_t)(share * (double)latency_count);
  printf("%s %u\n", name, latencies[at < latency_count ? at : latency_count - 1]);
}

static void pin(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  if (cpu >= 0 && sched_setaffinity(0, sizeof set, &set) != 0) die("sched_setaffinity");
}

int main(int argc, char **argv) {
  if (argc != 9)
    return fprintf(stderr, "usage: %s SOCKET CPU CONNECTIONS DEPTH MILLISECONDS REPLY_TAG SETUP REQUESTS\n", argv[0]), 2;
  size_t count = strtoul(argv[3], NULL, 10), depth = strtoul(argv[4], NULL, 10);
  uint64_t milliseconds = strtoul(argv[5], NULL, 10);
  expected_tag = (uint32_t)strtoul(argv[6], NULL, 10);
  struct frames setup = read_frames(argv[7]), requests = read_frames(argv[8]);
  if (count == 0 || depth == 0 || (milliseconds > 0 && requests.count == 0)) return fprintf(stderr, "nothing to do\n"), 2;
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  pin(atoi(argv[2]));
  struct connection *all = calloc(count, sizeof *all);
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  for (size_t i = 0; i < count; i++) {
    all[i].fd = connect_to(argv[1]);
    all[i].next = requests.count ? i * 7919 % requests.count : 0;
    set_up(all[i].fd, &setup);
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
    epoll_ctl(epoll, EPOLL_CTL_ADD, all[i].fd, &event);
  }
  if (milliseconds == 0) {
    puts("ready");
    fflush(stdout);
    while (read(0, input, sizeof input) > 0) continue;
    return 0;
  }
  latencies = malloc(sizeof *latencies * MOST_LATENCIES);
  memset(latencies, 1, sizeof *latencies * MOST_LATENCIES / 8);
  bool single = count == 1 && depth == 1;
  uint64_t begin = now_ns(), counted = begin + milliseconds * 100000;
  for (size_t i = 0; !single && i < count; i++) {
    all[i].sent_ns = now_ns();
    ask(&all[i], &requests, depth);
  }
  for (int part = 0; part < 2; part++) {
    uint64_t until = part ? begin + milliseconds * 1000000 : counted;
    counting = part == 1;
    if (counting) counted = now_ns();
    if (single)
      ping_pong(&all[0], &requests, until);
    else
      pipelined(all, count, depth, &requests, epoll, until);
  }
  double seconds = (double)(now_ns() - counted) / 1e9;
  printf("requests %llu\nper_second %.0f\n", (unsigned long long)answered, (double)answered / seconds);
  if (latency_count == 0) return 0;
  qsort(latencies, latency_count, sizeof *latencies, by_value);
  print_share("p50", 0.5);
  print_share("p99", 0.99);
  print_share("p999", 0.999);
  print_share("worst", 1);
  return 0;
}
