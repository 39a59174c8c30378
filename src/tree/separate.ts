/** Cuts the links that a killed phantom has left between files of a tree and blobs: a plain file shares its inode with nobody. */
import { type ScanEntry, scanTree } from "../platform/scan.js";
import { parseBlobName, storeLayout } from "../store/blob-names.js";
import type { ContentStore } from "../store/store.js";

/**
 * Returns how many it cut; the scan is out of date then. Such a blob is not sealed, so nobody relies on it (docs/tree.md).
 * @param scan of the tree.
 */
export async function separateFromStore(scan: readonly ScanEntry[], store: ContentStore): Promise<number> {
  const inodes = linkedFromOutside(scan, store.dev);
  if (inodes.size === 0) return 0;
  let cut = 0;
  // By inode, not by content: the file may have been changed in place since.
  for (const { key, ino, type } of await scanTree(storeLayout(store.path).blobs, [])) {
    const id =
      type === "file" && inodes.has(ino) ? parseBlobName(key.slice(key.lastIndexOf("/") + 1)) : undefined;
    if (!id) continue;
    store.discardLinked(id, ino);
    cut += 1;
  }
  return cut;
}

/** Inodes of files with more names than the tree shows. */
function linkedFromOutside(scan: readonly ScanEntry[], dev: bigint): Set<bigint> {
  const missing = new Map<bigint, number>();
  for (const entry of scan) {
    if (entry.type !== "file" || entry.nlink < 2 || entry.dev !== dev) continue;
    missing.set(entry.ino, (missing.get(entry.ino) ?? entry.nlink) - 1);
  }
  return new Set([...missing].filter(([, names]) => names > 0).map(([ino]) => ino));
}
