#include "note.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

/* One write, so that lines of several processes do not mix; stdio would keep state across exec for nothing. */
void note(const char *format, ...) {
  char line[8192] = "vrift: ";
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(line + 7, sizeof line - 8, format, arguments);
  va_end(arguments);
  size_t end = length < 0 ? 7 : 7 + (size_t)length;
  if (end > sizeof line - 2) end = sizeof line - 2;
  line[end++] = '\n';
  ssize_t ignored = write(STDERR_FILENO, line, end);
  (void)ignored;
}
