/**
 * ManifestRename with the rules of rename(2). What is physical is renamed on disk by the kernel, which also has the last word
 * about what may be renamed onto what; virtual files below a directory follow with one `move` of the manifest.
 *
 *  - A virtual file onto nothing or onto another virtual one: one change of the manifest.
 *  - A file or link that is physical: renamed on disk, then the entries. Killed in between, resync finds what the kernel did.
 *  - A virtual file onto a physical one: made physical first, because only the kernel can put it there at one moment.
 *  - A directory: rename-directory.ts.
 *
 * The stripes of both names (of all names for a directory) are held meanwhile, so that no program makes its first change to a
 * name that is just moving.
 */
import { renameSync } from "node:fs";
import type { ManifestRecord } from "../manifest/manifest.js";
import { VriftError } from "../platform/errors.js";
import { isErrno } from "../platform/files.js";
import { native } from "../platform/native.js";
import { placeFile } from "./materialise.js";
import { rememberPhysical } from "./mutate.js";
import type { PhysicalName } from "./physical.js";
import { lookAtKey, lookPhysical, lookTimes, parentKey } from "./physical.js";
import { HASHED, backedRecord, describes, isVirtual } from "./records.js";
import type { KeyState } from "./refresh.js";
import {
  assertNoDirectory,
  assertOwnName,
  ensureParents,
  foldWhiteouts,
  putChanges,
  refreshKey,
} from "./refresh.js";
import { renameDirectory } from "./rename-directory.js";
import { withStripes } from "./stripes.js";
import type { Tree } from "./tree.js";
import { commit, parentId } from "./tree.js";
import { isWhitedOutNow, whitedOutKeys } from "./whiteouts.js";

/** How often a program may change one of the names between two looks at them. */
const ATTEMPTS = 4;

/** Somebody was faster: everything is looked at again. */
export const LOOK_AGAIN = Symbol("look again");

/** The entry under its new name. ENOENT, ENOTDIR, EISDIR, ENOTEMPTY, EINVAL, EACCES, ENAMETOOLONG; EBUSY when it does not hold still. */
export async function rename(tree: Tree, from: string, to: string): Promise<ManifestRecord> {
  if (from === "" || to === "") throw new VriftError("EINVAL", "the root of a workspace cannot be renamed");
  for (const key of [from, to]) assertRenamable(tree, key);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    await foldWhiteouts(tree);
    const whole = lookAtKey(tree.root, from)?.type === "dir";
    const result = await withStripes(tree, whole ? "all" : [from, to], () =>
      renameNow(tree, from, to, whole),
    );
    if (result !== LOOK_AGAIN) return result;
  }
  throw new VriftError("EBUSY", `${from} or ${to} keeps being changed by programs`);
}

function assertRenamable(tree: Tree, key: string): void {
  assertOwnName(tree, key);
  // What is inside a name that only the kernel knows is refused as well.
  for (let name = key; name !== ""; name = parentKey(name))
    if (tree.stubs.has(name) && lookAtKey(tree.root, name) !== undefined)
      throw new VriftError("EACCES", `${name} is left to the kernel; change the file itself`);
}

async function renameNow(
  tree: Tree,
  from: string,
  to: string,
  whole: boolean,
): Promise<ManifestRecord | typeof LOOK_AGAIN> {
  await ensureParents(tree, from, () => undefined);
  await ensureParents(tree, to, () => undefined);
  const source = await refreshKey(tree, from, false);
  if (!exists(source)) throw new VriftError("ENOENT", `${from} is not there`);
  if (to.startsWith(`${from}/`)) throw intoItself(from, to, source);
  const target = await refreshKey(tree, to, false);
  if ((source.physical?.type === "dir") !== whole || hasWhiteouts(tree, from, to, whole)) return LOOK_AGAIN;
  if (from === to) return source.record;
  if (from.startsWith(`${to}/`)) throw new VriftError("ENOTEMPTY", `${to} is not empty: it holds ${from}`);
  if (whole) return renameDirectory(tree, from, to, source, target);
  assertNoDirectory(tree, to, target);
  if (source.physical === undefined && target.physical === undefined)
    return renameVirtual(tree, from, to, source.record, target.record);
  return renamePhysical(tree, from, to, source, target);
}

interface Existing extends KeyState {
  readonly record: ManifestRecord;
}

function exists(state: KeyState): state is Existing {
  if (state.record === undefined) return false;
  return state.physical !== undefined || isVirtual(state.record);
}

function intoItself(from: string, to: string, { physical }: KeyState): VriftError {
  if (physical?.type === "dir") return new VriftError("EINVAL", `${from} cannot move into itself, to ${to}`);
  return new VriftError("ENOTDIR", `${from} is not a directory`);
}

/** Whiteouts that programs made since the last look: they are folded first. */
function hasWhiteouts(tree: Tree, from: string, to: string, whole: boolean): boolean {
  if (!whole) return isWhitedOutNow(tree, from) || isWhitedOutNow(tree, to);
  const isNear = (key: string): boolean =>
    [from, to].some((name) => key === name || key.startsWith(`${name}/`) || name.startsWith(`${key}/`));
  return [...whitedOutKeys(tree)].some(isNear);
}

async function renameVirtual(
  tree: Tree,
  from: string,
  to: string,
  record: ManifestRecord,
  replaced: ManifestRecord | undefined,
): Promise<ManifestRecord> {
  const nowNs = BigInt(Date.now()) * 1_000_000n;
  const moved = { ...record, ctimeNs: nowNs };
  // In this order the name that is replaced is never missing from the index.
  await commit(tree, [
    ...putChanges(tree, to, replaced, moved),
    { parent: parentId(tree, from), key: from, record: undefined },
  ]);
  for (const parent of new Set([parentKey(from), parentKey(to)])) touchDirectory(tree, parent, nowNs);
  return moved;
}

/** As the kernel does to a directory in which a name came or went. */
function touchDirectory(tree: Tree, key: string, nowNs: bigint): void {
  const path = key === "" ? tree.root : `${tree.root}/${key}`;
  const times = lookTimes(path);
  if (times !== undefined) native.setTimes(path, times.atimeNs, nowNs);
}

async function renamePhysical(
  tree: Tree,
  from: string,
  to: string,
  source: Existing,
  target: KeyState,
): Promise<ManifestRecord | typeof LOOK_AGAIN> {
  const ready = isVirtual(source.record) ? await makePhysical(tree, from, source) : source;
  if (ready === undefined) return LOOK_AGAIN;
  const { record, physical } = ready;
  if (physical === undefined) return LOOK_AGAIN;
  // Two names of one file: rename(2) does nothing.
  if (target.physical?.ino === physical.ino && target.physical.dev === physical.dev)
    return target.record ?? record;
  try {
    renameSync(`${tree.root}/${from}`, `${tree.root}/${to}`);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return LOOK_AGAIN;
    throw error;
  }
  const after = lookPhysical(`${tree.root}/${to}`);
  const moved =
    after === undefined ? undefined : backedRecord(record.id, after, keptHash(record, physical, after));
  await commit(tree, [
    ...putChanges(tree, to, target.record, moved),
    { parent: parentId(tree, from), key: from, record: undefined },
  ]);
  if (moved === undefined) throw new VriftError("EBUSY", `${to} was removed while ${from} was renamed to it`);
  return moved;
}

/** A rename moves ctime; all else is as it was when the content was hashed, or the hash is not known any more. */
function keptHash(record: ManifestRecord, before: PhysicalName, after: PhysicalName): Uint8Array | undefined {
  const same = after.ino === before.ino && after.size === before.size && after.mtimeNs === before.mtimeNs;
  return same && record.flags & HASHED && describes(record, before) ? record.hash : undefined;
}

/**
 * A private copy of the blob at its own path, and a backed entry: from now on the kernel can rename it. A file that was adopted
 * and still stands is replaced by a copy too: whoever had it adopted is about to remove that very file.
 */
async function makePhysical(
  tree: Tree,
  key: string,
  { record, physical }: Existing,
): Promise<Existing | undefined> {
  const path = `${tree.root}/${key}`;
  const id = { hash: record.hash, size: record.size };
  try {
    if (physical !== undefined) await placeFile(tree, path, id, record.mode, record.mtimeNs);
    else await tree.store.exportTo(id, path, tree.project.staging, record.mode, record.mtimeNs);
  } catch (error) {
    if (isErrno(error, "EEXIST")) return undefined;
    throw error;
  }
  const content = { content_hash: record.hash, size: record.size, mtime: record.mtimeNs };
  const backed = await rememberPhysical(tree, key, record, content);
  const now = lookPhysical(path);
  return now === undefined ? undefined : { record: backed, physical: now };
}
