#include "search.h"

#include "bytes.h"
#include "environment.h"
#include "vfs.h"

#define ARGUMENTS_LIMIT 8192

static const char *search_path(void) {
  const char *path = environment_value(environment_own(), "PATH");
  return path != 0 ? path : "/bin:/usr/bin";
}

static bool has_slash(const char *file) {
  for (; *file != 0; file++)
    if (*file == '/') return true;
  return false;
}

/* The item of PATH at *at with `/file` behind it; an empty item is the working directory. False: too long. */
static bool join(const char **at, const char *file, size_t file_length, char *out) {
  const char *end = *at;
  while (*end != 0 && *end != ':') end++;
  size_t length = (size_t)(end - *at);
  const char *item = *at;
  *at = *end == ':' ? end + 1 : 0;
  if (length + file_length + 2 > PATH_SIZE) return false;
  memcpy(out, item, length);
  if (length > 0) out[length++] = '/';
  memcpy(out + length, file, file_length + 1);
  return true;
}

static long run_by_shell(const char *path, char *const argv[], char *const envp[]) {
  size_t count = 0;
  while (argv[count] != 0) count++;
  if (count > ARGUMENTS_LIMIT) return -E2BIG;
  char **list = __builtin_alloca((count + 3) * sizeof(char *));
  list[0] = (char *)"/bin/sh";
  list[1] = (char *)path;
  size_t used = 2;
  for (size_t i = 1; i < count; i++) list[used++] = argv[i];
  list[used] = 0;
  return vfs_execveat(AT_FDCWD, "/bin/sh", list, envp, 0);
}

static long try(const char *path, char *const argv[], char *const envp[]) {
  long result = vfs_execveat(AT_FDCWD, path, argv, envp, 0);
  return result == -ENOEXEC ? run_by_shell(path, argv, envp) : result;
}

long search_exec(const char *file, char *const argv[], char *const envp[]) {
  char path[PATH_SIZE];
  bool refused = false;
  long result = -ENOENT;
  if (file[0] == 0) return -ENOENT;
  if (has_slash(file)) return try(file, argv, envp);
  size_t length = text_length(file);
  if (length > NAME_LIMIT) return -ENAMETOOLONG;
  for (const char *at = search_path(); at != 0;) {
    if (!join(&at, file, length, path)) continue;
    result = try(path, argv, envp);
    if (result == -EACCES)
      refused = true;
    else if (result != -ENOENT && result != -ESTALE && result != -ENOTDIR && result != -ENODEV && result != -ETIMEDOUT)
      return result;
  }
  return refused ? -EACCES : result;
}

const char *search_find(const char *file, char *out) {
  if (has_slash(file)) return file;
  size_t length = text_length(file);
  if (length == 0 || length > NAME_LIMIT) return 0;
  for (const char *at = search_path(); at != 0;)
    if (join(&at, file, length, out) && raw_faccessat2(AT_FDCWD, out, 1, AT_EACCESS) == 0) return out;
  return 0;
}
