/**
 * The second half of a commit, in a turn of the mutations: roots, a second look for the blobs, then the hashes into the entries, in one
 * record of the journal. docs/commit.md has what a kill leaves.
 */
import type { PhysicalName } from "./physical.js";
import { lookAtKey } from "./physical.js";
import { backedRecord, isDir, isVirtual } from "./records.js";
import type { TakenFile } from "./take-file.js";
import type { Change, Tree } from "./tree.js";
import { commit, parentId } from "./tree.js";

/** The keys of those that are what they were when they were taken; the others have changed, or went. */
export async function recordCommitted(tree: Tree, files: readonly TakenFile[]): Promise<Set<string>> {
  await tree.roots.add(files.filter(({ id }) => id.size > 0n).map(({ id }) => id.hash));
  const changes: Change[] = [];
  for (const file of files) {
    const { path: key } = file.entry;
    const record = tree.manifest.find(key);
    const physical = lookAtKey(tree.root, key);
    if (record === undefined || isDir(record) || isVirtual(record)) continue;
    if (physical === undefined || !isAsTaken(physical, file)) continue;
    // The roots name it now: what is there stays (store/named-hashes.ts).
    if (tree.store.statBlob(file.id) === undefined) continue;
    changes.push({
      parent: parentId(tree, key),
      key,
      record: backedRecord(record.id, physical, file.id.hash),
    });
  }
  await commit(tree, changes);
  return new Set(changes.map(({ key }) => key));
}

function isAsTaken(physical: PhysicalName, { ino, ctimeNs, id, entry }: TakenFile): boolean {
  return (
    physical.type === "file" &&
    physical.ino === ino &&
    physical.ctimeNs === ctimeNs &&
    physical.size === id.size &&
    physical.mtimeNs === BigInt(entry.mtimeNs) &&
    physical.mode === entry.mode
  );
}
