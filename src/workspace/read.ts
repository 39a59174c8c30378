/** ManifestGet and ManifestListDir: what programs see, for those who ask over the wire. */
import { readdirSync } from "node:fs";
import { isUtf8 } from "node:buffer";
import type { ManifestRecord } from "../manifest/manifest.js";
import { VriftError } from "../platform/errors.js";
import { isErrno } from "../platform/files.js";
import { PROJECT_DIR } from "../platform/paths.js";
import type { DirEntry, VnodeEntry } from "../protocol/messages.js";
import type { HashedContent } from "./content.js";
import { hashContent, readTarget } from "./content.js";
import { isKernelName } from "./kernel-names.js";
import type { PhysicalName } from "./physical.js";
import { lookAtKey, nameOf } from "./physical.js";
import { HASHED, backedRecord, describes, isDir, isVirtual, toVnodeEntry } from "./records.js";
import { ensureParents, refreshKey } from "./refresh.js";
import { isBeingMade } from "./staging.js";
import type { Tree } from "./tree.js";
import { commit, parentId } from "./tree.js";
import type { TurnQueue } from "./turn-queue.js";
import { isWhitedOutNow, whitedOutNames } from "./whiteouts.js";

/**
 * @param turns of the workspace's mutations: a computed hash is remembered in its turn, unless others are at work.
 * @returns null: programs see nothing there, or something an entry cannot say (a socket).
 */
export async function getEntry(tree: Tree, key: string, turns: TurnQueue): Promise<VnodeEntry | null> {
  if (isOurs(key)) return null;
  const record = tree.manifest.find(key);
  const physical = lookAtKey(tree.root, key);
  if (physical === undefined) {
    if (record === undefined || !isVirtual(record) || isWhitedOutNow(tree, key)) return null;
    return toVnodeEntry(record);
  }
  if (physical.type === "special") return null;
  if (physical.type === "dir") return toVnodeEntry(backedRecord(0n, physical));
  if (record !== undefined && record.flags & HASHED && describes(record, physical))
    return toVnodeEntry(record);
  return hashNow(tree, key, physical, turns);
}

/** Sorted by name, in byte order. ENOENT, ENOTDIR. */
export function listEntries(tree: Tree, key: string): DirEntry[] {
  const record = tree.manifest.find(key);
  const physical = isOurs(key) ? undefined : lookAtKey(tree.root, key);
  if (physical !== undefined ? physical.type !== "dir" : isVisibleFile(tree, key, record))
    throw new VriftError("ENOTDIR", `${key} is not a directory`);
  if (physical === undefined) throw new VriftError("ENOENT", `${key === "" ? tree.root : key} is not there`);

  const found = new Map<string, boolean>();
  const path = key === "" ? tree.root : `${tree.root}/${key}`;
  for (const entry of readdirSync(path, { withFileTypes: true, encoding: "buffer" })) {
    const name = entry.name;
    if (isUtf8(name) && !isBeingMade(name.toString("utf8")))
      found.set(name.toString("utf8"), entry.isDirectory());
  }
  if (key === "") found.delete(PROJECT_DIR);
  if (record !== undefined && isDir(record)) addVirtual(tree, key, record, found);
  return [...found].map(([name, is_dir]) => ({ name, is_dir })).sort((a, b) => compareBytes(a.name, b.name));
}

function addVirtual(tree: Tree, key: string, record: ManifestRecord, found: Map<string, boolean>): void {
  const names: string[] = [];
  for (const [name, child] of tree.manifest.children(record.id))
    if (isVirtual(child) && !found.has(name)) names.push(name);
  const hidden = whitedOutNames(tree, key, names);
  for (const name of names) if (!hidden.has(name)) found.set(name, false);
}

function isVisibleFile(tree: Tree, key: string, record: ManifestRecord | undefined): boolean {
  return record !== undefined && isVirtual(record) && !isWhitedOutNow(tree, key);
}

/** A file or link whose hash is not known for its stamp. Names left to the kernel are read, not remembered. */
async function hashNow(
  tree: Tree,
  key: string,
  physical: PhysicalName,
  turns: TurnQueue,
): Promise<VnodeEntry> {
  const path = `${tree.root}/${key}`;
  const content = await hashContent(path);
  if (physical.type === "symlink") await keepTarget(tree, path);
  const entry = toVnodeEntry(backedRecord(0n, content.physical, content.hash));
  if (!content.settled || isKernelName(key, physical, tree.owner, tree.foreign)) return entry;
  // Whoever reads does not wait for a long mutation; the hash is computed again next time.
  if (!turns.isIdle) return entry;
  try {
    await turns.run(() => remember(tree, key, content));
  } catch (error) {
    // A full disk is no reason to answer no questions.
    if (!isErrno(error, "ENOSPC", "EDQUOT", "EFBIG", "EROFS", "EIO")) throw error;
  }
  return entry;
}

async function remember(tree: Tree, key: string, { physical, hash }: HashedContent): Promise<void> {
  await ensureParents(tree, key, () => undefined);
  const { record } = await refreshKey(tree, key, false);
  // Adopted meanwhile: the file is about to leave, and its entry must not end with it.
  if (record === undefined || isVirtual(record) || !describes(record, physical)) return;
  const known = backedRecord(record.id, physical, hash);
  await commit(tree, [{ parent: parentId(tree, key), key, record: known }]);
}

/** The target of a link is a blob (ANSWERS, Wire), so that whoever got the entry can read it. */
async function keepTarget(tree: Tree, path: string): Promise<void> {
  const lease = tree.store.lease();
  try {
    const { hash } = await tree.store.importBytes(readTarget(path), lease);
    await tree.roots.add([hash]);
  } finally {
    lease.release();
  }
}

/** What is ours is left out of listings and of answers. */
function isOurs(key: string): boolean {
  return key === PROJECT_DIR || key.startsWith(`${PROJECT_DIR}/`) || isBeingMade(nameOf(key));
}

/** UTF-8 byte order is code point order; UTF-16 comparison is not. */
function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
