/*
 * wordexp: libc's own, but for the patterns of file names, which it would match by internal calls. Unquoted pattern characters are
 * put aside before and matched by our glob after it. What comes out of a variable is no pattern, in libc
 * either.
 */
#include "bytes.h"
#include "errno_slot.h"
#include "program_memory.h"
#include "view.h"

#define WRDE_DOOFFS 1
#define WRDE_APPEND 2
#define WRDE_NOSPACE 1

struct words {
  size_t count;
  char **items;
  size_t offset;
};

struct glob {
  size_t count;
  char **paths;
  size_t offset;
  int flags;
  void *functions[5];
};

extern int glob(const char *, int, int (*)(const char *, int), struct glob *);
extern void globfree(struct glob *) __attribute__((weak));

/* What stands for `*`, `?` and `[` meanwhile: bytes that mean nothing to a shell. */
static const char patterns[] = "*?[";
static bool is_aside(char c) { return c >= 1 && c <= 3; }

/* Behind a quoted or substituted part that begins at `text`, or `text` itself. */
static char *skip(char *text) {
  if (*text == '\\' && text[1] != 0) return text + 2;
  char close = *text == '\'' || *text == '`' ? *text : 0;
  if (*text == '"') close = '"';
  int depth = 0;
  char open = 0;
  if (*text == '$' && (text[1] == '(' || text[1] == '{')) {
    open = text[1];
    close = open == '(' ? ')' : '}';
    text++;
  }
  if (close == 0) return text;
  for (char *at = text + 1; *at != 0; at++) {
    if (*at == '\\' && close != '\'' && at[1] != 0) {
      at++;
    } else if (open != 0 && *at == open) {
      depth++;
    } else if (*at == close && depth-- == 0) {
      return at + 1;
    }
  }
  return text + text_length(text);
}

/* False when there is nothing to put aside, or a byte of ours in the text already. */
static bool put_aside(char *text) {
  bool any = false;
  for (const char *at = text; *at != 0; at++)
    if (is_aside(*at)) return false;
  for (char *at = text; *at != 0;) {
    char *behind = skip(at);
    if (behind != at) {
      at = behind;
      continue;
    }
    for (int i = 0; i < 3; i++)
      if (*at == patterns[i]) {
        *at = (char)(i + 1);
        any = true;
        break;
      }
    at++;
  }
  return any;
}

static void restore(char *word) {
  for (; *word != 0; word++)
    if (is_aside(*word)) *word = patterns[*word - 1];
}

/* Opens room for `more` words instead of the one at `at`; false without memory. */
static bool widen(struct words *words, size_t offset, size_t at, size_t more) {
  size_t total = offset + words->count + more;
  char **items = program_enlarge(words->items, (total + 1) * sizeof *items);
  if (items == 0) return false;
  words->items = items;
  char **place = items + offset + at;
  memmove(place + more, place + 1, (words->count - at) * sizeof *items);
  words->count += more - 1;
  return true;
}

/* The number of words that are there instead of the one at `at`; 0 without memory. */
static size_t match(struct words *words, size_t offset, size_t at) {
  char *word = words->items[offset + at], *pattern = program_allocate(2 * text_length(word) + 1), *out = pattern;
  struct glob found;
  if (pattern == 0) return 0;
  for (const char *from = word; *from != 0; from++) {
    bool literal = *from == '*' || *from == '?' || *from == '[' || *from == '\\';
    if (literal) *out++ = '\\';
    *out++ = is_aside(*from) ? patterns[*from - 1] : *from;
  }
  *out = 0;
  memset(&found, 0, sizeof found);
  int status = glob(pattern, 0, 0, &found);
  program_free(pattern);
  if (status != 0 || found.count == 0) {
    restore(word);
    return 1;
  }
  size_t kept = 0;
  if (widen(words, offset, at, found.count)) {
    for (; kept < found.count; kept++) {
      size_t size = text_length(found.paths[kept]) + 1;
      char *copy = program_allocate(size);
      if (copy != 0) memcpy(copy, found.paths[kept], size);
      words->items[offset + at + kept] = copy;
    }
    program_free(word);
  }
  if (globfree) globfree(&found);
  return kept;
}

EXPORT int wordexp(const char *text, struct words *words, int flags) {
  typedef int (*expander)(const char *, struct words *, int);
  expander real = LIBC(expander, "wordexp");
  if (!real) return WRDE_NOSPACE;
  char *copy = view_current() != 0 ? program_allocate(text_length(text) + 1) : 0;
  if (copy != 0) memcpy(copy, text, text_length(text) + 1);
  if (copy == 0 || !put_aside(copy)) {
    program_free(copy);
    return real(text, words, flags);
  }
  size_t before = (flags & WRDE_APPEND) != 0 ? words->count : 0;
  int status = real(copy, words, flags);
  program_free(copy);
  if (status != 0) return status;
  size_t offset = (flags & WRDE_DOOFFS) != 0 ? words->offset : 0;
  for (size_t at = before; at < words->count;) {
    const char *word = words->items[offset + at];
    while (*word != 0 && !is_aside(*word)) word++;
    size_t now = *word != 0 ? match(words, offset, at) : 1;
    if (now == 0) return WRDE_NOSPACE;
    at += now;
  }
  return 0;
}
