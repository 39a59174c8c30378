/** Files of a solid workspace whose content the store has already, told without reading them: by the stamps that the index has. */
import { join } from "node:path";
import { VriftError } from "../platform/errors.js";
import { isErrno } from "../platform/files.js";
import type { ScanEntry } from "../platform/scan.js";
import { storeLayout } from "../store/blob-names.js";
import { HashSet } from "../store/hash-set.js";
import { RootsReader } from "../store/roots-reader.js";
import type { ContentStore } from "../store/store.js";
import { Turns } from "../store/turns.js";
import { type IndexEntry, IndexReader } from "../vdir/index-reader.js";
import { constants } from "../vdir/layout.js";
import type { WorkspaceInfo } from "../workspace/workspace.js";

const KNOWN = Number(constants.ENTRY_BACKED | constants.ENTRY_HASHED);

/**
 * Keys of regular files with the size, times and inode for which their content was hashed, which the workspace's list names and
 * the store has, sealed. After a `sync` of the workspace. An index that cannot be read holds nothing.
 */
export async function heldFiles(
  store: ContentStore,
  { id, index }: WorkspaceInfo,
  scan: readonly ScanEntry[],
): Promise<ReadonlySet<string>> {
  const held = new Set<string>();
  const list = RootsReader.open(join(storeLayout(store.path).roots, id));
  if (list === undefined) return held;
  const named = new HashSet();
  const turns = new Turns();
  try {
    await list.read(named, turns);
  } finally {
    list.close();
  }
  if (named.size === 0) return held;
  const entries = openIndex(index);
  if (entries === undefined) return held;
  for (const file of scan) {
    if (file.type !== "file" || file.errno !== 0 || !file.validUtf8) continue;
    const entry = entries.lookup(file.key);
    if (entry === undefined || (entry.flags & KNOWN) !== KNOWN || !isUnchanged(entry, file)) continue;
    const { hash, size } = entry;
    if (size === 0n || (named.has(hash) && store.statBlob({ hash, size })?.sealed === true))
      held.add(file.key);
    await turns.pause();
  }
  return held;
}

/** Being replaced, or damaged: then everything is read. */
function openIndex(path: string): IndexReader | undefined {
  try {
    return IndexReader.open(path);
  } catch (error) {
    if (isErrno(error, "ENOENT") || error instanceof VriftError) return undefined;
    throw error;
  }
}

function isUnchanged(entry: IndexEntry, file: ScanEntry): boolean {
  return (
    entry.size === file.size &&
    entry.mtimeNs === file.mtimeNs &&
    entry.ctimeNs === file.ctimeNs &&
    entry.ino === file.ino
  );
}
