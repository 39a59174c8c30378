#ifndef VRIFT_EXPORT_V1_H
#define VRIFT_EXPORT_V1_H

#include <stddef.h>
#include <stdint.h>

#include "index_reader.h"

/*
 * Builds the specification's manifest export (docs/index-format.md, "Version-1 export") from an index that may be changing
 * meanwhile. `*data` is malloc'ed. 0, ENOMEM, or EFBIG when a section would begin at 4 GiB or beyond.
 */
int vrift_export_build(const struct vrift_index_view *view, uint8_t **data, size_t *size);

/* FNV-1a 64, with the two reserved values replaced. */
uint64_t vrift_export_hash(const uint8_t *key, uint64_t length);

#endif
