/** Cuts the links that a killed phantom has left between files of a tree and blobs: a plain file shares its inode with nobody. */
import { PROJECT_DIR } from "../platform/paths.js";
import { type ScanEntry, scanTree } from "../platform/scan.js";
import { parseBlobName, storeLayout } from "../store/blob-names.js";
import type { ContentStore } from "../store/store.js";

/** Returns how many it cut. Such a blob is not sealed, so nobody relies on it (docs/tree.md). */
export async function separateFromStore(root: string, store: ContentStore): Promise<number> {
  const inodes = linkedFromOutside(await scanTree(root, [PROJECT_DIR]), store.dev);
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
