#include "environment.h"

#include "bytes.h"
#include "descriptors.h"
#include "view.h"

#define KEPT_SIZE 16384
#define KEPT_VARIABLES 24
#define FDS_SIZE 1024

extern char **environ __attribute__((weak));

static char kept[KEPT_SIZE];
static size_t kept_bytes;
static const char *variables[KEPT_VARIABLES]; /* "NAME=value" in `kept`; the first is LD_PRELOAD */
static int variable_count;
static const char *own_library; /* this library's item of LD_PRELOAD */
static size_t own_length;

static const char preload[] = "LD_PRELOAD=";
static const char descriptors[] = "VRIFT_FDS=";
static const char library[] = "libvrift_inception.so";
#define PRELOAD_LENGTH (sizeof preload - 1)

char **environment_own(void) { return &environ != 0 ? environ : 0; }

const char *environment_value(char *const envp[], const char *name) {
  size_t length = text_length(name);
  for (; envp != 0 && *envp != 0; envp++)
    if (text_starts(*envp, name) && (*envp)[length] == '=') return *envp + length + 1;
  return 0;
}

static bool same_name(const char *a, const char *b) {
  while (*a == *b && *a != '=' && *a != 0) a++, b++;
  return *a == '=' && *b == '=';
}

static bool has(char *const envp[], const char *variable) {
  for (; envp != 0 && *envp != 0; envp++)
    if (same_name(*envp, variable)) return true;
  return false;
}

static bool is_separator(char c) { return c == ':' || c == ' ' || c == 0; }

/* The item of an LD_PRELOAD list that is this library, and its length; null when none is. */
static const char *find_library(const char *list, size_t *length) {
  while (*list != 0) {
    const char *end = list;
    while (!is_separator(*end)) end++;
    const char *name = end;
    while (name > list && name[-1] != '/') name--;
    if (text_starts(name, library) && is_separator(name[sizeof library - 1])) {
      *length = (size_t)(end - list);
      return list;
    }
    list = *end != 0 ? end + 1 : end;
  }
  return 0;
}

static bool carried(const char *variable) {
  if (text_starts(variable, descriptors)) return false;
  return text_starts(variable, "VRIFT_") || text_starts(variable, "VR_THE_SOURCE=");
}

static bool keep(const char *variable) {
  size_t size = text_length(variable) + 1;
  if (variable_count == KEPT_VARIABLES || kept_bytes + size > KEPT_SIZE) return false;
  memcpy(kept + kept_bytes, variable, size);
  variables[variable_count++] = kept + kept_bytes;
  kept_bytes += size;
  return true;
}

void environment_start(char *const envp[]) {
  const char *list = environment_value(envp, "LD_PRELOAD");
  if (list == 0 || !keep(list - PRELOAD_LENGTH)) return;
  own_library = find_library(variables[0] + PRELOAD_LENGTH, &own_length);
  for (; *envp != 0; envp++)
    if (carried(*envp)) keep(*envp);
}

size_t environment_size(char *const envp[]) {
  if (own_library == 0) return 0;
  size_t count = 0, other = 0;
  for (; envp != 0 && envp[count] != 0; count++)
    if (text_starts(envp[count], preload)) other = text_length(envp[count]);
  return (count + (size_t)variable_count + 3) * sizeof(char *) + PRELOAD_LENGTH + own_length + other + 8 + FDS_SIZE;
}

char **environment_build(char *const envp[], void *memory, size_t size) {
  char **out = memory, **next = out;
  size_t count = 0, length;
  while (envp != 0 && envp[count] != 0) count++;
  char *text = (char *)(out + count + (size_t)variable_count + 3), *limit = (char *)memory + size;
  for (size_t i = 0; i < count; i++) {
    char *variable = envp[i];
    if (text_starts(variable, descriptors)) continue;
    if (text_starts(variable, preload) && find_library(variable + PRELOAD_LENGTH, &length) == 0) {
      *next++ = text;
      text = append_text(text, preload);
      memcpy(text, own_library, own_length);
      text += own_length;
      if (variable[PRELOAD_LENGTH] != 0) text = append_text(append_text(text, ":"), variable + PRELOAD_LENGTH);
      *text++ = 0;
      continue;
    }
    *next++ = variable;
  }
  for (int i = 0; i < variable_count; i++)
    if (!has(envp, variables[i])) *next++ = (char *)variables[i];
  const struct view *view = view_current();
  char *value = append_text(text, descriptors);
  if (view != 0 && descriptors_write(view, value, (size_t)(limit - value))) *next++ = text;
  *next = 0;
  return out;
}

void environment_restore(int (*set)(const char *name, const char *value, int overwrite)) {
  size_t length;
  char **own = environment_own();
  if (own_library == 0) return;
  const char *list = environment_value(own, "LD_PRELOAD");
  if (list == 0 || find_library(list, &length) == 0) set("LD_PRELOAD", variables[0] + PRELOAD_LENGTH, 1);
  for (int i = 1; i < variable_count; i++) {
    char name[64];
    size_t size = 0;
    while (variables[i][size] != '=') size++;
    if (size >= sizeof name || has(own, variables[i])) continue;
    memcpy(name, variables[i], size);
    name[size] = 0;
    set(name, variables[i] + size + 1, 0);
  }
}
