/* Every function of the reader, over a damaged index. */
#include <stdio.h>
#include <string.h>

#include "fuzz.h"

static void use(const struct vrift_index_view *view, const uint64_t *marks) {
  struct vrift_entry copy;
  uint32_t entry;
  char key[FUZZ_KEY_SIZE];
  for (int i = 0; i < FUZZ_DIRECTORIES + FUZZ_FILES + 3; i++) {
    fuzz_key(i, key);
    uint64_t length = strlen(key), hash = vrift_path_hash((uint8_t *)key, length);
    fuzz_touch(&(int){vrift_index_trusted(view, marks, hash)}, sizeof(int));
    if (vrift_index_find_hash(view, hash, &copy, &entry) == 0) {
      const uint8_t *found = vrift_entry_key(view, &copy);
      if (found) fuzz_touch(found, copy.key_length);
    }
    if (vrift_index_lookup(view, (uint8_t *)key, length, hash, &copy, &entry) != VRIFT_FOUND) continue;
    const uint8_t *name = vrift_entry_name(view, &copy);
    if (name) fuzz_touch(name, copy.name_length);
  }
  for (uint32_t number = 0; number < view->entry_capacity; number++) {
    uint32_t left = vrift_list_limit(view);
    uint64_t begun = vrift_structure_begin(view);
    for (uint32_t child = vrift_first_child(view, number); child != 0 && left > 0; child = vrift_next_sibling(view, child), left--) fuzz_touch(&child, 4);
    vrift_structure_held(view, begun);
    if (vrift_entry_read(view, number, &copy) != 0) continue;
    const uint8_t *own = vrift_entry_key(view, &copy), *name = vrift_entry_name(view, &copy);
    if (own) fuzz_touch(own, copy.key_length);
    if (name) fuzz_touch(name, copy.name_length);
  }
  fuzz_touch(vrift_index_root(view), strlen(vrift_index_root(view)));
  fuzz_touch(vrift_index_source(view), strlen(vrift_index_source(view)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct fuzz_case damaged;
  struct vrift_index_view view;
  fuzz_damage(data, size, "/proj", &damaged);
  /* Entries left odd cost a thousand attempts each; that many bytes say nothing new. */
  if (vrift_index_validate(damaged.index, damaged.size, &view) == 0) use(&view, damaged.marks);
  fuzz_free(&damaged);
  return 0;
}
