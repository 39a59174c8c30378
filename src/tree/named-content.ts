/** Who needs which content: virtual files of phantom workspaces, files of snapshots and of what clones were made from. */
import { hashFromHex } from "../platform/hash.js";
import { toVriftError } from "../platform/errors.js";
import type { BlobId } from "../store/store.js";
import { placeState } from "../workspace/forget.js";
import { knownWorkspaces } from "../workspace/known.js";
import { type SnapshotRecord, listSnapshots, readBase } from "../workspace/snapshots.js";
import type { WorkspaceInfo } from "../workspace/workspace.js";
import type { TreeContext } from "./context.js";
import { blobOf, readSnapshot } from "./store-snapshot.js";

export interface ContentUse {
  readonly root: string;
  /** null: the workspace's own files. "": what a clone was made from. */
  readonly snapshot: string | null;
  /** Relative to the root; "" for the list of names of a snapshot itself. */
  readonly key: string;
}

export interface Unread {
  readonly root: string;
  readonly snapshot: string | null;
  readonly reason: string;
}

const PAGE = 2000;

/**
 * Tells `use` of every file, once for each that has content. What cannot be read is returned. Opens phantom workspaces; one
 * whose directory is gone is left out (its snapshots are not).
 */
export async function eachNamedContent(
  context: TreeContext,
  use: (id: BlobId, by: ContentUse) => void,
): Promise<Unread[]> {
  const unread: Unread[] = [];
  const attempt = async (root: string, snapshot: string | null, work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      unread.push({ root, snapshot, reason: toVriftError(error).toWire() });
    }
  };
  for (const info of knownWorkspaces(context.home)) {
    const { root, kind } = info;
    if (kind === "phantom" && placeState(info) === "there")
      await attempt(root, null, () => eachEntry(context, root, use));
    await attempt(root, null, async () => {
      for (const { name, ...record } of snapshotsOf(context, info))
        await attempt(root, name, () => eachRecorded(context, { root, snapshot: name }, record, use));
    });
  }
  return unread;
}

function snapshotsOf({ home }: TreeContext, info: WorkspaceInfo): (SnapshotRecord & { name: string })[] {
  const base = readBase(home, info.id);
  return [...listSnapshots(home, info), ...(base === undefined ? [] : [{ name: "", ...base }])];
}

async function eachEntry(
  { access }: TreeContext,
  root: string,
  use: (id: BlobId, by: ContentUse) => void,
): Promise<void> {
  await access.open(root);
  for (let after = ""; ;) {
    const page = await access.entries(root, after, PAGE);
    for (const { path, hash, size } of page) {
      const bytes = hashFromHex(hash);
      if (bytes !== undefined && size !== "0")
        use({ hash: bytes, size: BigInt(size) }, { root, snapshot: null, key: path });
    }
    if (page.length === 0) return;
    after = page.at(-1)!.path;
  }
}

async function eachRecorded(
  { store }: TreeContext,
  by: Omit<ContentUse, "key">,
  record: SnapshotRecord,
  use: (id: BlobId, by: ContentUse) => void,
): Promise<void> {
  const parts = [record.body, record.stamps].map(({ hash, size }) => blobOf({ hash, size: BigInt(size) }));
  for (const id of parts) use(id, { ...by, key: "" });
  // What is lost of the list itself is said above; what it names is not known then.
  if (parts.some((id) => store.statBlob(id) === undefined)) return;
  const { tree } = await readSnapshot(store, record);
  for (const [key, entry] of tree) {
    if (entry.type !== "file" || entry.size === 0n) continue;
    // Of a clone's source only a part is kept of what were files (capture-tree.ts, `holds`).
    if (entry.virtual || by.snapshot !== "") use(blobOf(entry), { ...by, key });
  }
}
