#include "counts_text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum by { KERNEL, INDEX };
static const struct {
  enum by by;
  const char *text;
} reasons[] = {
#define REASON(name, by, text) {by, text},
    VRIFT_REASONS(REASON)};

static const char *const call_names[] = {"beyond",
#define NAME(name, text) text,
                                         VRIFT_CALLS(NAME)};

struct text {
  char *at, *end;
};

static __attribute__((format(printf, 2, 3))) void add(struct text *text, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(text->at, (size_t)(text->end - text->at), format, arguments);
  va_end(arguments);
  if (length > 0) text->at += length < text->end - text->at ? length : text->end - text->at - 1;
}

/* Of the calls [first, last). */
struct sum {
  uint64_t by[2], entries, hydrated, because[BECAUSE_COUNT];
};
static struct sum sum_of(const struct counters *counters, int first, int last) {
  struct sum sum = {0};
  for (int call = first; call < last; call++) {
    for (int reason = 0; reason < BECAUSE_COUNT; reason++) {
      sum.because[reason] += counters->answered[call][reason];
      sum.by[reasons[reason].by] += counters->answered[call][reason];
    }
    sum.entries += counters->entries[call];
    sum.hydrated += counters->hydrated[call];
  }
  return sum;
}

static void add_reasons(struct text *text, const struct sum *sum, enum by by) {
  const char *before = "";
  for (int reason = 0; reason < BECAUSE_COUNT; reason++) {
    if (reasons[reason].by != by || sum->because[reason] == 0) continue;
    add(text, "%s%s %" PRIu64, before, reasons[reason].text, sum->because[reason]);
    before = ", ";
  }
}

static const char *plural(uint64_t count) { return count == 1 ? "" : "s"; }

size_t counts_summary(const struct counters *counters, char *out) {
  struct text text = {out, out + COUNTS_TEXT_SIZE};
  struct sum sum = sum_of(counters, 0, CALL_COUNT);
  uint64_t calls = sum.by[INDEX] + sum.by[KERNEL];
  add(&text, "vrift: %" PRIu64 " call%s of %" PRIu64 " program%s\n", calls, plural(calls), counters->programs,
      plural(counters->programs));
  add(&text, "  index     %" PRIu64 "%s", sum.by[INDEX], sum.by[INDEX] > 0 ? ": " : "");
  add_reasons(&text, &sum, INDEX);
  add(&text, "\n  kernel    %" PRIu64 "%s", sum.by[KERNEL], sum.by[KERNEL] > 0 ? ": " : "");
  add_reasons(&text, &sum, KERNEL);
  if (sum.entries > 0) add(&text, "\n            of these the index had the answer to %" PRIu64 " after all", sum.entries);
  add(&text, "\n  hydrated  %" PRIu64 " file%s\n", sum.hydrated, plural(sum.hydrated));
  add(&text, "  daemon    asked %" PRIu64 " time%s, by vrift run\n", counters->daemon, plural(counters->daemon));
  if (counters->statics > 0)
    add(&text, "  not counted: %" PRIu64 " start%s of statically linked programs\n", counters->statics,
        plural(counters->statics));
  return (size_t)(text.at - out);
}

static void add_sum(struct text *text, const struct sum *sum) {
  add(text, "\"calls\":%" PRIu64, sum->by[INDEX] + sum->by[KERNEL]);
  for (int by = INDEX; by >= KERNEL; by--) {
    const char *before = "";
    add(text, ",\"%s\":{", by == INDEX ? "index" : "kernel");
    for (int reason = 0; reason < BECAUSE_COUNT; reason++) {
      if ((int)reasons[reason].by != by || sum->because[reason] == 0) continue;
      add(text, "%s\"%s\":%" PRIu64, before, reasons[reason].text, sum->because[reason]);
      before = ",";
    }
    add(text, "}");
  }
  add(text, ",\"entry_after_kernel\":%" PRIu64 ",\"hydrated\":%" PRIu64, sum->entries, sum->hydrated);
}

size_t counts_json(const struct counters *counters, char *out) {
  struct text text = {out, out + COUNTS_TEXT_SIZE};
  struct sum all = sum_of(counters, 0, CALL_COUNT);
  add(&text, "{\"programs\":%" PRIu64 ",\"static_programs\":%" PRIu64 ",\"daemon\":%" PRIu64 ",", counters->programs,
      counters->statics, counters->daemon);
  add_sum(&text, &all);
  add(&text, ",\"families\":{");
  const char *before = "";
  for (int call = 0; call < CALL_COUNT; call++) {
    struct sum sum = sum_of(counters, call, call + 1);
    if (sum.by[INDEX] + sum.by[KERNEL] + sum.hydrated == 0) continue;
    add(&text, "%s\"%s\":{", before, call_names[call]);
    add_sum(&text, &sum);
    add(&text, "}");
    before = ",";
  }
  add(&text, "}}\n");
  return (size_t)(text.at - out);
}
