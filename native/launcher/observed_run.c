#include "observed_run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "note.h"

static int is_set(const char *name) {
  const char *value = getenv(name);
  return value != NULL && value[0] != 0;
}

static int absolute_path(const char *path, char *out) {
  char from[PATH_MAX];
  int length;
  if (path[0] == '/') {
    length = snprintf(out, PATH_MAX, "%s", path);
  } else {
    if (getcwd(from, sizeof from) == NULL) return -1;
    length = snprintf(out, PATH_MAX, "%s/%s", from[1] == 0 ? "" : from, path);
  }
  if (length < PATH_MAX) return 0;
  errno = ENAMETOOLONG;
  return -1;
}

/* Nothing but a regular file: programs append to it without waiting for a reader. */
static int create(const char *path) {
  struct stat st;
  int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
  if (fd < 0) return -1;
  int regular = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
  close(fd);
  if (regular) return 0;
  errno = EINVAL;
  return -1;
}

void prepare_trace(void) {
  char path[PATH_MAX];
  if (!is_set("VRIFT_TRACE")) return;
  const char *wanted = getenv("VRIFT_TRACE");
  if (absolute_path(wanted, path) == 0 && create(path) == 0) {
    setenv("VRIFT_TRACE", path, 1);
    return;
  }
  note("VRIFT_TRACE: %s is no file that can be written: %s; the run is not traced", wanted, strerror(errno));
  unsetenv("VRIFT_TRACE");
}

/* `<directory>/observed/<name>` beside `<directory>/<name>`. */
void choose_library(struct view *view) {
  static const char between[] = "observed/";
  char path[PATH_MAX];
  if (!is_set("VRIFT_TRACE") && !is_set("VRIFT_STATS")) return;
  const char *name = strrchr(view->preload, '/');
  if (name == NULL) return;
  name++;
  int length = snprintf(path, sizeof path, "%.*s%s%s", (int)(name - view->preload), view->preload, between, name);
  if (length < PATH_MAX && access(path, R_OK) == 0) {
    memcpy(view->preload, path, (size_t)length + 1);
    return;
  }
  note("ENOENT: %s is not there; the run is neither counted nor traced", path);
}
