#include "listing.h"

#include "bytes.h"
#include "look.h"
#include "marks.h"

#define WALK_ATTEMPTS 8
/* A child whose physical name was told. Entry numbers stay below 2^31. */
#define TOLD 0x80000000u

/* An entry in the middle of a change may be virtual; describe() finds out. */
static bool is_virtual(const struct view *view, uint32_t number) {
  const struct vrift_index_entry *entry = &view->index.entries[number];
  if ((__atomic_load_n(&entry->seq, __ATOMIC_ACQUIRE) & 1) != 0) return true;
  return (__atomic_load_n(&entry->flags, __ATOMIC_RELAXED) & (VRIFT_ENTRY_VIRTUAL | VRIFT_ENTRY_FREE)) == VRIFT_ENTRY_VIRTUAL;
}

static bool find_directory(const struct view *view, const struct place *directory, uint32_t *number) {
  struct vrift_entry entry;
  return directory->inside &&
         vrift_index_glance(&view->index, directory->key, directory->length, directory->hash, &entry, number) ==
             VRIFT_FOUND &&
         (entry.flags & (VRIFT_ENTRY_DIR | VRIFT_ENTRY_KERNEL)) == VRIFT_ENTRY_DIR;
}

static uint32_t id_of(const struct view *view, uint32_t number) {
  return (uint32_t)__atomic_load_n(&view->index.entries[number].ino, __ATOMIC_RELAXED);
}

/* Counts the virtual children, and writes the first `room` of them down. */
static uint32_t walk(const struct view *view, uint32_t top, struct listed_child *out, uint32_t room) {
  uint32_t count = 0, left = vrift_list_limit(&view->index);
  for (uint32_t child = vrift_first_child(&view->index, top); child != 0 && left > 0;
       child = vrift_next_sibling(&view->index, child), left--) {
    if (!is_virtual(view, child)) continue;
    if (count < room) out[count] = (struct listed_child){child, id_of(view, child)};
    count++;
  }
  return count;
}

bool listing_needed(const struct view *view, const struct place *directory) {
  uint32_t top;
  if (view->solid) return false;
  if (directory->inside && directory->length == 0) return true;
  if (!find_directory(view, directory, &top)) return false;
  uint32_t left = vrift_list_limit(&view->index);
  for (uint32_t child = vrift_first_child(&view->index, top); child != 0 && left > 0;
       child = vrift_next_sibling(&view->index, child), left--)
    if (is_virtual(view, child)) return true;
  return false;
}

void listing_open(const struct view *view, const struct place *directory, struct listing *listing) {
  uint32_t top, room = LISTING_INLINE;
  listing->children = 0;
  listing->count = 0;
  listing->mapped = 0;
  listing->root = directory->inside && directory->length == 0;
  if (!find_directory(view, directory, &top)) return;
  listing->top = top;
  listing->children = listing->few;
  for (int attempt = 0; attempt < WALK_ATTEMPTS; attempt++) {
    uint64_t begun = listing->structure = listing->numbered = vrift_structure_begin(&view->index);
    uint32_t count = walk(view, top, listing->children, room);
    if (count > room) {
      listing_close(listing);
      room = count + count / 4;
      size_t size = (size_t)room * sizeof(struct listed_child);
      struct listed_child *more = raw_mmap(size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
      if (is_error(more)) return;
      listing->children = more;
      listing->mapped = size;
      attempt--;
      continue;
    }
    listing->count = count;
    if (vrift_structure_held(&view->index, begun)) return;
    vrift_pause();
  }
}

void listing_close(struct listing *listing) {
  if (listing->mapped != 0) raw_munmap(listing->children, listing->mapped);
  listing->mapped = 0;
  listing->count = 0;
  listing->children = 0;
}

/* A walk of the same directory elsewhere gives the same files in the same order, but for those that came or went. */
static void renumber(const struct view *view, const struct place *directory, struct listing *listing) {
  uint32_t top, next = 0, left = vrift_list_limit(&view->index);
  listing->numbered = vrift_structure_begin(&view->index);
  for (uint32_t i = 0; i < listing->count; i++) listing->children[i].number &= TOLD;
  if (!find_directory(view, directory, &top)) return;
  listing->top = top;
  for (uint32_t child = vrift_first_child(&view->index, top); child != 0 && left > 0;
       child = vrift_next_sibling(&view->index, child), left--) {
    uint32_t id = id_of(view, child);
    for (uint32_t i = 0; i < listing->count; i++, next = next + 1 < listing->count ? next + 1 : 0) {
      if (listing->children[next].id != id) continue;
      listing->children[next].number |= child;
      break;
    }
  }
}

const struct view *listing_follow(const struct view *view, int fd, struct place *directory, struct listing *listing) {
  if (__builtin_expect(!vrift_index_superseded(&view->index) &&
                           vrift_structure_begin(&view->index) == listing->structure, 1))
    return view;
  bool in_change = false;
  for (int waits = 0;; waits++) {
    const struct view *now = view_newest();
    if (now == 0) return view;
    uint64_t begun = vrift_structure_begin(&now->index);
    long length = descriptor_path(fd, directory->text);
    /* Removed: its files are, too. */
    if (failed(length)) return view;
    bool here = directory->length + now->root_length + (directory->length > 0) == (uint64_t)length && directory->inside;
    uint64_t hash = directory->hash;
    place_from_text(now, directory, (size_t)length);
    bool same = here && directory->inside && directory->hash == hash && now == view;
    /* What was numbered in the middle of a change is numbered again. */
    if (!same || in_change || (begun & 1) != 0) renumber(now, directory, listing);
    if (vrift_structure_held(&now->index, begun) || !view_wait_for_change(now, waits)) {
      listing->structure = begun;
      return now;
    }
    in_change = true;
  }
}

/* Only asked for names that are virtual in the index and physical on disk: few, until the next resync makes them none. */
static struct listed_child *find_child(const struct listing *listing, uint32_t number, const struct vrift_entry *entry) {
  bool is_virtual_file = (entry->flags & VRIFT_ENTRY_VIRTUAL) != 0;
  for (uint32_t i = 0; i < listing->count; i++) {
    struct listed_child *child = &listing->children[i];
    if (is_virtual_file ? child->id == (uint32_t)entry->ino : (child->number & ~TOLD) == number) return child;
  }
  return 0;
}

static bool key_of_child(const struct place *directory, const char *name, size_t length, uint8_t *key, size_t *size) {
  if (directory->length + length + 2 > PATH_SIZE) return false;
  memcpy(key, directory->key, directory->length);
  *size = directory->length;
  if (*size > 0) key[(*size)++] = '/';
  memcpy(key + *size, name, length);
  *size += length;
  return true;
}

bool listing_physical(const struct view *view, const struct place *directory, struct listing *listing,
                      const char *name) {
  uint8_t key[PATH_SIZE];
  struct vrift_entry entry;
  uint32_t number;
  size_t size;
  if (listing->root && text_equal(name, ".vrift")) return false;
  if (listing->count == 0) return true;
  if (!key_of_child(directory, name, text_length(name), key, &size)) return true;
  uint64_t hash = vrift_path_hash(key, size);
  if (vrift_index_glance(&view->index, key, size, hash, &entry, &number) != VRIFT_FOUND) return true;
  if ((entry.flags & (VRIFT_ENTRY_DIR | VRIFT_ENTRY_SYMLINK)) != 0) return true;
  struct listed_child *child = find_child(listing, number, &entry);
  if (child != 0) child->number |= TOLD;
  return true;
}

static void fill_record(const struct vrift_entry *entry, const uint8_t *name, struct dirent64 *record) {
  memcpy(record->d_name, name, entry->name_length);
  record->d_name[entry->name_length] = 0;
  record->d_reclen = (uint16_t)((DIRENT_NAME_OFFSET + entry->name_length + 1 + 7) & ~7ul);
  record->d_ino = entry->ino;
  record->d_type = DT_REG;
}

/* The usual case: nothing has changed anywhere, so the entry alone says what is there. */
static bool describe_quietly(const struct vrift_entry *entry, const uint8_t *name, uint32_t top, struct dirent64 *record) {
  const uint16_t flags = entry->flags & (VRIFT_ENTRY_VIRTUAL | VRIFT_ENTRY_FREE | VRIFT_ENTRY_KERNEL);
  if (flags != VRIFT_ENTRY_VIRTUAL || entry->parent != top) return false;
  fill_record(entry, name, record);
  return true;
}

/* What a program would see under the child's name now; false when nothing. */
static bool describe(const struct view *view, const struct place *directory, int fd, uint32_t top,
                     struct listed_child child, struct dirent64 *record) {
  struct vrift_entry entry;
  /* The marks before the entry. */
  bool quiet = usable(view) && vrift_word_clean(&view->index, view->marks, VRIFT_MARK_SUMMARY);
  struct place place;
  struct stat st;
  if (vrift_entry_read(&view->index, child.number, &entry) != 0 || (entry.flags & VRIFT_ENTRY_FREE) != 0) return false;
  /* The number may have come to name something else. */
  if ((entry.flags & VRIFT_ENTRY_VIRTUAL) != 0 && (uint32_t)entry.ino != child.id) return false;
  const uint8_t *name = vrift_entry_name(&view->index, &entry);
  if (name == 0 || entry.name_length > NAME_LIMIT || entry.name_length == 0) return false;
  if (quiet && describe_quietly(&entry, name, top, record)) return true;
  if (!place_from_entry(view, &entry, &place)) return false;
  if (entry.key_length <= directory->length || memcmp(place.key, directory->key, directory->length) != 0 ||
      place_parent_hash(&place) != directory->hash)
    return false;
  fill_record(&entry, name, record);
  bool clean = usable(view) && mark_clean(view, place.hash);
  if (clean && (entry.flags & VRIFT_ENTRY_VIRTUAL) != 0) return true;
  if (raw_statat(fd, record->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
    record->d_ino = st.st_ino;
    record->d_type = (uint8_t)((st.st_mode & S_IFMT) >> 12);
    return true;
  }
  return virtual_and_listed(&place, &entry);
}

/* Under its number there is nothing any more, or another file. */
static bool is_elsewhere(const struct view *view, struct listed_child child) {
  uint16_t flags = __atomic_load_n(&view->index.entries[child.number & ~TOLD].flags, __ATOMIC_RELAXED);
  return (flags & VRIFT_ENTRY_FREE) != 0 || ((flags & VRIFT_ENTRY_VIRTUAL) != 0 && id_of(view, child.number & ~TOLD) != child.id);
}

bool listing_virtual(const struct view *view, const struct place *directory, int fd, struct listing *listing, uint32_t *at,
                     struct dirent64 *record) {
  while (*at < listing->count) {
    /* Moved there and back again, for instance. */
    if (is_elsewhere(view, listing->children[*at]) && listing->numbered != vrift_structure_begin(&view->index))
      renumber(view, directory, listing);
    struct listed_child child = listing->children[(*at)++];
    if (child.number == 0 || (child.number & TOLD) != 0 || !describe(view, directory, fd, listing->top, child, record)) continue;
    record->d_off = listing_cookie(*at);
    return true;
  }
  return false;
}
