#ifndef VRIFT_SCAN_H
#define VRIFT_SCAN_H

#include <stddef.h>
#include <stdint.h>

/* Records of struct vrift_scan_record, each followed by its key and 1 to 8 NULs. */
struct vrift_scan_output {
  uint8_t *data;
  size_t length;
  size_t capacity;
};

/*
 * Lists everything below `root` into `output`: 0 or an errno (of the root, or ENOMEM). `skip` holds `skip_count` keys,
 * sorted by vrift_scan_compare, that are listed and not descended into. The caller frees `output->data`.
 */
int vrift_scan(const char *root, char *const *skip, size_t skip_count, struct vrift_scan_output *output);

/* For qsort of char *. */
int vrift_scan_compare(const void *a, const void *b);

#endif
