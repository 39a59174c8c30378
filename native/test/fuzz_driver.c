/*
 * Runs the corpus, then mutations of it: the same for the same seed. The input at work is in KEEP (shared memory), so that it is
 * there when the process is not. An input that takes ten seconds of the processor is a hang, or fifty in which it got less: a
 * reader that waits for a writer yields, and others may have much to do.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"

enum { MOST = 12 * 24, INPUTS = 512, HANG_SECONDS = 10, STUCK_SECONDS = 50 };
struct input {
  uint8_t bytes[MOST];
  size_t size;
};
static struct input corpus[INPUTS];
static int count;
static uint8_t *kept;
static int kept_fd;

static uint64_t state;
static uint32_t below(uint32_t limit) {
  uint64_t z = state += 0x9E3779B97F4A7C15ull;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  return (uint32_t)((z ^ (z >> 31)) % limit);
}

static int by_name(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }

static void read_corpus(const char *directory) {
  struct dirent **names;
  int found = scandir(directory, &names, NULL, by_name);
  for (int i = 0; i < found && count < INPUTS; i++) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", directory, names[i]->d_name);
    FILE *in = names[i]->d_name[0] == '.' ? NULL : fopen(path, "rb");
    free(names[i]);
    if (!in) continue;
    corpus[count].size = fread(corpus[count].bytes, 1, MOST, in);
    count++;
    fclose(in);
  }
  if (found < 0) perror(directory), exit(2);
  free(names);
}

static void run(const struct input *input) {
  memcpy(kept, input->bytes, input->size);
  if (ftruncate(kept_fd, (off_t)input->size) != 0) exit(2);
  setitimer(ITIMER_PROF, &(struct itimerval){.it_value.tv_sec = HANG_SECONDS}, NULL);
  alarm(STUCK_SECONDS);
  LLVMFuzzerTestOneInput(input->bytes, input->size);
  if (ftruncate(kept_fd, MOST) != 0) exit(2);
}

static void random_record(uint8_t *record) {
  for (int i = 0; i < 12; i++) record[i] = (uint8_t)below(256);
  if (below(8)) record[0] = (uint8_t)(6 + below(2)); /* an entry, most of the time */
  if (below(4) == 0) record[0] = (uint8_t)below(8);
  record[1] = (uint8_t)(1u << below(4));
  if (below(2)) record[2] = (uint8_t)below(2);
}

static void mutate(struct input *input) {
  for (uint32_t times = 1 + below(4); times > 0; times--) {
    size_t records = input->size / 12;
    const struct input *other = &corpus[below((uint32_t)count)];
    switch (below(5)) {
    case 0: /* one byte */
      if (input->size) input->bytes[below((uint32_t)input->size)] ^= (uint8_t)(1u << below(8));
      break;
    case 1: /* one record less */
      if (records == 0) break;
      memmove(input->bytes, input->bytes + 12, input->size - 12);
      input->size -= 12;
      break;
    case 2: /* one of another input */
      if (other->size < 12 || records + 1 > MOST / 12) break;
      memcpy(input->bytes + records * 12, other->bytes + below((uint32_t)(other->size / 12)) * 12, 12);
      input->size = (records + 1) * 12;
      break;
    default:
      if (records + 1 > MOST / 12) records = below(MOST / 12);
      random_record(input->bytes + records * 12);
      if (input->size < (records + 1) * 12) input->size = (records + 1) * 12;
    }
  }
}

int main(int words, char **word) {
  if (words != 5) {
    fprintf(stderr, "usage: %s CORPUS SEED SECONDS KEEP\n", word[0]);
    return 2;
  }
  state = strtoull(word[2], NULL, 10);
  time_t end = time(NULL) + atol(word[3]);
  kept_fd = open(word[4], O_RDWR | O_CREAT | O_TRUNC, 0600);
  if (kept_fd < 0 || ftruncate(kept_fd, MOST) != 0) return 2;
  kept = mmap(NULL, MOST, PROT_READ | PROT_WRITE, MAP_SHARED, kept_fd, 0);
  if (kept == MAP_FAILED) return 2;
  read_corpus(word[1]);
  if (count == 0) return 2;
  unsigned long long runs = 0;
  for (int i = 0; i < count; i++, runs++) run(&corpus[i]);
  while (time(NULL) < end) {
    struct input input = corpus[below((uint32_t)count)];
    mutate(&input);
    run(&input);
    runs++;
  }
  alarm(0);
  setitimer(ITIMER_PROF, &(struct itimerval){0}, NULL);
  unlink(word[4]);
  printf("{\"runs\":%llu,\"corpus\":%d}\n", runs, count);
  return 0;
}
