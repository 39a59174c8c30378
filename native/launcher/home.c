#include "home.h"

#include <stdio.h>
#include <stdlib.h>

int home_directory(char home[PATH_MAX]) {
  const char *own = getenv("VRIFT_HOME");
  const char *user = getenv("HOME");
  int given = own != NULL && own[0] != 0;
  if (!given && user == NULL) return -1;
  int length = snprintf(home, PATH_MAX, "%s%s", given ? own : user, given ? "" : "/.vrift");
  return length < PATH_MAX && home[0] == '/' ? 0 : -1;
}
