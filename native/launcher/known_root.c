#include "known_root.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* `workspace.json` begins with the root, a path of at most PATH_MAX bytes, each of which JSON may make six of. */
enum { ESCAPED_MAX = 6 * PATH_MAX, FACTS_MAX = ESCAPED_MAX + 64, FILE_MAX = 256 };

static int read_beginning(const char *path, char *text, size_t size) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) return -1;
  ssize_t got = read(fd, text, size - 1);
  close(fd);
  if (got < 0) return -1;
  text[got] = 0;
  return 0;
}

static int is_id(const char *text) {
  return strspn(text, "0123456789abcdef") == ID_LENGTH;
}

/* As JSON.stringify writes it. */
static void escape(const char *path, char *to) {
  static const char short_names[] = "btn\0fr";
  for (; *path != 0; path++) {
    unsigned char c = (unsigned char)*path;
    if (c == '"' || c == '\\') {
      *to++ = '\\';
      *to++ = (char)c;
    } else if (c >= 8 && c <= 13 && c != 11) {
      *to++ = '\\';
      *to++ = short_names[c - 8];
    } else if (c < 0x20) {
      to += sprintf(to, "\\u%04x", c);
    } else {
      *to++ = (char)c;
    }
  }
  *to = 0;
}

/* Of `known`, the longest so far, and the root in `facts`: the one that is longer and has `directory` in it. */
static void prefer(const char *facts, const char *id, const char *directory, struct known_root *known) {
  static const char before[] = "{\"root\":\"", after[] = "\",\"kind\"";
  char escaped[ESCAPED_MAX + 1], prefix[PATH_MAX];
  if (strncmp(facts, before, sizeof before - 1) != 0) return;
  facts += sizeof before - 1;
  for (size_t length = strlen(directory); length > strlen(known->root) && length > 0;) {
    snprintf(prefix, sizeof prefix, "%.*s", (int)length, directory);
    escape(prefix, escaped);
    size_t n = strlen(escaped);
    if (strncmp(facts, escaped, n) == 0 && strncmp(facts + n, after, sizeof after - 1) == 0) {
      strcpy(known->root, prefix);
      strcpy(known->id, id);
      return;
    }
    while (length > 0 && directory[--length] != '/') continue;
  }
}

static void find_by_home(const char *home, const char *directory, struct known_root *found) {
  char path[PATH_MAX + 64], facts[FACTS_MAX];
  snprintf(path, sizeof path, "%s/db", home);
  DIR *workspaces = opendir(path);
  if (workspaces == NULL) return;
  for (const struct dirent *entry; (entry = readdir(workspaces)) != NULL;) {
    if (!is_id(entry->d_name) || strlen(entry->d_name) != ID_LENGTH) continue;
    snprintf(path, sizeof path, "%s/db/%.32s/workspace.json", home, entry->d_name);
    if (read_beginning(path, facts, sizeof facts) == 0) prefer(facts, entry->d_name, directory, found);
  }
  closedir(workspaces);
}

/* A phantom tree may have been moved since the home saw it. */
static void find_by_marker(const char *directory, struct known_root *found) {
  char path[PATH_MAX + 32], text[FILE_MAX];
  for (size_t length = strlen(directory); length > strlen(found->root) && length > 0;) {
    snprintf(path, sizeof path, "%.*s/.vrift/workspace", (int)length, directory);
    if (read_beginning(path, text, sizeof text) == 0 && strncmp(text, "id ", 3) == 0 && is_id(text + 3)) {
      snprintf(found->root, sizeof found->root, "%.*s", (int)length, directory);
      snprintf(found->id, sizeof found->id, "%.32s", text + 3);
      return;
    }
    while (length > 0 && directory[--length] != '/') continue;
  }
}

int find_known_root(const char *home, const char *directory, struct known_root *found) {
  found->root[0] = found->id[0] = 0;
  find_by_home(home, directory, found);
  find_by_marker(directory, found);
  return found->root[0] != 0;
}
