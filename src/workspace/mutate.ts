/**
 * ManifestUpsert and ManifestRemove (DESIGN section 3). What is physical changes on disk first; the entry follows; the
 * acknowledgement is last. Each starts from what is true now: whiteouts folded, the key and the directories above it
 * compared with the kernel.
 */
import { closeSync, openSync, rmdirSync, unlinkSync } from "node:fs";
import { VriftError } from "../platform/errors.js";
import { PATH_MAX } from "../platform/limits.js";
import { isErrno, readFully } from "../platform/files.js";
import { EMPTY_HASH, hashToHex } from "../platform/hash.js";
import type { VnodeEntry } from "../protocol/messages.js";
import type { ManifestRecord } from "../manifest/manifest.js";
import type { BlobId } from "../store/store.js";
import { assertRoomInStaging } from "./quota.js";
import { placeDirectory, placeFile, placeLink } from "./materialise.js";
import { lookAtKey } from "./physical.js";
import { isElf, staysPhysical } from "./policy.js";
import { DIR, SYMLINK, backedRecord, isDir, isVirtual, toVnodeEntry, virtualRecord } from "./records.js";
import type { KeyState } from "./refresh.js";
import {
  assertNoDirectory,
  assertOwnName,
  beginDirectory,
  changesBelow,
  ensureParents,
  foldWhiteouts,
  putChanges,
  refreshKey,
} from "./refresh.js";
import type { Tree } from "./tree.js";
import { commit, parentId } from "./tree.js";
import { isWhitedOutNow } from "./whiteouts.js";

/** Mode of a directory that is made because something is put into it. */
export const PARENT_MODE = 0o755;
const TYPE_BITS = { file: 0o100000, dir: 0o040000, symlink: 0o120000 } as const;
const ELF_HEAD = 4;
/** For a blob that sweeps move away and back. */
const LOOKS = 10;

type EntryType = keyof typeof TYPE_BITS;

export async function upsert(tree: Tree, key: string, entry: VnodeEntry): Promise<VnodeEntry> {
  const type = checkEntry(key, entry);
  if (key !== "") assertOwnName(tree, key);
  if (type !== "dir") checkContent(tree, entry);
  await foldWhiteouts(tree);
  await ensureParents(tree, key, (path) => placeDirectory(path, PARENT_MODE));
  const state = await refreshKey(tree, key, false);
  switch (type) {
    case "dir":
      return toVnodeEntry(await putDirectory(tree, key, entry, state));
    case "symlink":
      return toVnodeEntry(await putLink(tree, key, entry, state));
    case "file":
      return toVnodeEntry(await putFile(tree, key, entry, state));
  }
}

/** Resolves when the name is gone, also when there was none. */
export async function remove(tree: Tree, key: string): Promise<void> {
  if (key === "") throw new VriftError("EINVAL", "the root of a workspace cannot be removed");
  assertOwnName(tree, key);
  await foldWhiteouts(tree);
  const before = lookAtKey(tree.root, key);
  if (before !== undefined) await ensureParents(tree, key, () => undefined);
  const { record, physical } = await refreshKey(tree, key, false);
  if (physical?.type === "dir" || (record !== undefined && isDir(record))) {
    await removeDirectory(tree, key, record, physical !== undefined);
    return;
  }
  if (physical !== undefined) unlinkSync(`${tree.root}/${key}`);
  if (record !== undefined) await commit(tree, [{ parent: parentId(tree, key), key, record: undefined }]);
}

async function removeDirectory(
  tree: Tree,
  key: string,
  record: ManifestRecord | undefined,
  physical: boolean,
): Promise<void> {
  const below = record === undefined ? [] : changesBelow(tree, key, record);
  const hidden = below.find((change) => isVirtualKey(tree, change.key));
  if (hidden !== undefined) throw new VriftError("ENOTEMPTY", `${key} is not empty: it holds ${hidden.key}`);
  try {
    if (physical) rmdirSync(`${tree.root}/${key}`);
  } catch (error) {
    if (isErrno(error, "ENOTEMPTY", "EEXIST"))
      throw new VriftError("ENOTEMPTY", `${key} is not empty`, { cause: error });
    throw error;
  }
  if (record === undefined) return;
  await commit(tree, [...below, { parent: parentId(tree, key), key, record: undefined }]);
  tree.incomplete.delete(key);
}

function isVirtualKey(tree: Tree, key: string): boolean {
  const record = tree.manifest.find(key);
  return record !== undefined && isVirtual(record);
}

async function putDirectory(
  tree: Tree,
  key: string,
  entry: VnodeEntry,
  { record, physical }: KeyState,
): Promise<ManifestRecord> {
  const isFile = physical !== undefined ? physical.type !== "dir" : record !== undefined && !isDir(record);
  if (isFile) throw new VriftError("EEXIST", `${key} is there and not a directory`);
  const path = key === "" ? tree.root : `${tree.root}/${key}`;
  placeDirectory(path, entry.mode & 0o7777, entry.mtime);
  const made = physical === undefined ? lookAtKey(tree.root, key) : undefined;
  if (made !== undefined) beginDirectory(tree, key, made);
  return rememberPhysical(tree, key, record);
}

async function putLink(
  tree: Tree,
  key: string,
  entry: VnodeEntry,
  { record, physical }: KeyState,
): Promise<ManifestRecord> {
  assertNoDirectory(tree, key, { record, physical });
  const target = await tree.store.readBlob({ hash: entry.content_hash, size: entry.size });
  if (target.includes(0)) throw new VriftError("EINVAL", `the target of ${key} holds a NUL byte`);
  await keepContent(tree, entry);
  placeLink(tree, `${tree.root}/${key}`, target, entry.mtime);
  return rememberPhysical(tree, key, record, entry);
}

/** A file whose content is in the store. EISDIR. */
export async function putFile(
  tree: Tree,
  key: string,
  entry: VnodeEntry,
  state: KeyState,
): Promise<ManifestRecord> {
  const { record, physical } = state;
  assertNoDirectory(tree, key, state);
  const id = { hash: entry.content_hash, size: entry.size };
  const mode = entry.mode & 0o7777;
  await keepContent(tree, entry);
  // Under a whiteout that could not be folded yet only a file is seen, and a virtual entry would end with it.
  if (physical !== undefined || mustBePhysical(tree, key, entry) || isWhitedOutNow(tree, key)) {
    assertRoomInStaging(tree, entry.size);
    await placeFile(tree, `${tree.root}/${key}`, id, mode, entry.mtime);
    return rememberPhysical(tree, key, record, entry);
  }
  const blocks = tree.store.statBlob(id)?.blocks ?? 0;
  const next = virtualRecord(
    record?.id ?? tree.manifest.nextId(),
    { ...id, mtimeNs: entry.mtime, mode, blocks },
    BigInt(Date.now()) * 1_000_000n,
  );
  await commit(tree, putChanges(tree, key, record, next));
  // A program may have made the file meanwhile; it wins, and the answer says so.
  const after = await refreshKey(tree, key, false);
  return after.record ?? next;
}

/** The name was just put in place; its entry is backed, with the hash of what was put unless somebody was faster. */
export async function rememberPhysical(
  tree: Tree,
  key: string,
  before: ManifestRecord | undefined,
  content?: Pick<VnodeEntry, "content_hash" | "size" | "mtime">,
): Promise<ManifestRecord> {
  const physical = lookAtKey(tree.root, key);
  if (physical === undefined) throw new VriftError("EBUSY", `${key} was removed while it was put in place`);
  const untouched = physical.size === content?.size && physical.mtimeNs === content.mtime;
  const hash = untouched ? content.content_hash : undefined;
  const record = backedRecord(before?.id ?? tree.manifest.nextId(), physical, hash);
  await commit(tree, putChanges(tree, key, before, record));
  return record;
}

/** A solid workspace has files only; what the kernel must find itself is a file in a phantom one too. */
function mustBePhysical(tree: Tree, key: string, entry: VnodeEntry): boolean {
  if (tree.kind === "solid") return true;
  const facts = {
    key,
    validUtf8: true,
    type: "file",
    mode: entry.mode & 0o7777,
    nlink: 1,
    xattr: false,
  } as const;
  if (staysPhysical({ ...facts, ...tree.owner }, tree.owner) !== null) return true;
  return (
    entry.size >= BigInt(ELF_HEAD) && isElf(headOf(tree, { hash: entry.content_hash, size: entry.size }))
  );
}

function headOf(tree: Tree, id: BlobId): Uint8Array {
  const fd = openBlob(tree, id);
  try {
    const head = Buffer.alloc(ELF_HEAD);
    return head.subarray(0, readFully(fd, head, 0));
  } finally {
    closeSync(fd);
  }
}

/** A sweep may have it in the trash for a moment, until it has read the roots: a look takes it back. */
function openBlob({ store }: Tree, id: BlobId): number {
  for (let attempt = 1; ; attempt++) {
    try {
      return openSync(store.blobPath(id), "r");
    } catch (error) {
      if (!isErrno(error, "ENOENT") || attempt >= LOOKS || store.statBlob(id) === undefined) throw error;
    }
  }
}

function checkEntry(key: string, entry: VnodeEntry): EntryType {
  if (entry.flags & ~(DIR | SYMLINK) || entry.flags === (DIR | SYMLINK))
    throw new VriftError("EINVAL", `flags ${entry.flags} are neither 0, 1 (directory) nor 2 (symbolic link)`);
  const type = entry.flags & DIR ? "dir" : entry.flags & SYMLINK ? "symlink" : "file";
  // Some clients send the whole st_mode; agreeing type bits do no harm.
  const bits = entry.mode & ~0o7777;
  if (bits !== 0 && bits !== TYPE_BITS[type])
    throw new VriftError("EINVAL", `mode ${entry.mode.toString(8)} is not st_mode & 07777`);
  if (key === "" && type !== "dir") throw new VriftError("EISDIR", "the root of a workspace is a directory");
  if (type === "dir" && entry.size !== 0n) throw new VriftError("EINVAL", "the size of a directory is 0");
  if (type === "symlink" && (entry.size === 0n || entry.size > BigInt(PATH_MAX)))
    throw new VriftError("EINVAL", `a link's target has 1 to ${PATH_MAX} bytes, not ${entry.size}`);
  if (entry.mtime > 0x7fff_ffff_ffff_ffffn)
    throw new VriftError("EINVAL", `mtime ${entry.mtime} is beyond the year 2262`);
  return type;
}

/** The roots name it first, then it is looked for once more: a sweep that came between has taken it away, or sees the roots. */
async function keepContent(tree: Tree, entry: VnodeEntry): Promise<void> {
  if (entry.size === 0n) return;
  await tree.roots.add([entry.content_hash]);
  await tree.store.isSound({ hash: entry.content_hash, size: entry.size }); // else it is quarantined
  checkContent(tree, entry);
}

/** ENOENT naming the hash when the store does not have it. */
function checkContent(tree: Tree, entry: VnodeEntry): void {
  const hash = hashToHex(entry.content_hash);
  if (entry.size === 0n) {
    if (hash === hashToHex(EMPTY_HASH)) return;
    throw new VriftError("EINVAL", `size 0 does not go with content ${hash}`);
  }
  if (tree.store.statBlob({ hash: entry.content_hash, size: entry.size }) === undefined)
    throw new VriftError("ENOENT", `content ${hash} of ${entry.size} bytes is not in the store`);
}
