/**
 * ManifestUpdateMtime: of a virtual file the entry changes, of everything else the name on disk first (its access time stays),
 * then its stamp. The hash of a file nobody is writing to stays known.
 */
import { closeSync, constants as fs, openSync } from "node:fs";
import type { ManifestRecord } from "../manifest/manifest.js";
import { VriftError } from "../platform/errors.js";
import { isErrno } from "../platform/files.js";
import { native } from "../platform/native.js";
import type { PhysicalName } from "./physical.js";
import { lookAtKey, lookPhysical, lookTimes } from "./physical.js";
import { HASHED, backedRecord, describes, isVirtual } from "./records.js";
import { assertOwnName, ensureParents, foldWhiteouts, putChanges, refreshKey } from "./refresh.js";
import { withStripes } from "./stripes.js";
import type { Tree } from "./tree.js";
import { commit, parentId } from "./tree.js";
import { isWhitedOutNow } from "./whiteouts.js";

const I64_MAX = 0x7fff_ffff_ffff_ffffn;

/** ENOENT, EACCES; EINVAL for a time that no file can have. */
export async function updateMtime(tree: Tree, key: string, mtimeNs: bigint): Promise<ManifestRecord> {
  if (mtimeNs > I64_MAX) throw new VriftError("EINVAL", `mtime ${mtimeNs} is beyond the year 2262`);
  if (key !== "") assertOwnName(tree, key);
  await foldWhiteouts(tree);
  if (lookAtKey(tree.root, key) !== undefined) await ensureParents(tree, key, () => undefined);
  return withStripes(tree, [key], async () => {
    const { record, physical } = await refreshKey(tree, key, false);
    if (physical !== undefined) return touchFile(tree, key, record, physical, mtimeNs);
    if (record === undefined || !isVirtual(record) || isWhitedOutNow(tree, key))
      throw new VriftError("ENOENT", `${key} is not there`);
    const next = { ...record, mtimeNs, ctimeNs: BigInt(Date.now()) * 1_000_000n };
    await commit(tree, [{ parent: parentId(tree, key), key, record: next }]);
    return next;
  });
}

async function touchFile(
  tree: Tree,
  key: string,
  record: ManifestRecord | undefined,
  before: PhysicalName,
  mtimeNs: bigint,
): Promise<ManifestRecord> {
  const path = key === "" ? tree.root : `${tree.root}/${key}`;
  const isKnown = record !== undefined && (record.flags & HASHED) !== 0 && describes(record, before);
  const keepsHash = isKnown && (before.type === "symlink" || !mayBeWritten(path));
  const times = lookTimes(path);
  if (times === undefined) throw new VriftError("ENOENT", `${key} is not there any more`);
  native.setTimes(path, times.atimeNs, mtimeNs);
  const after = lookPhysical(path);
  if (after === undefined) throw new VriftError("ENOENT", `${key} is not there any more`);
  const isSame = after.ino === before.ino && after.size === before.size;
  const next = backedRecord(
    record?.id ?? tree.manifest.nextId(),
    after,
    keepsHash && isSame ? record.hash : undefined,
  );
  await commit(tree, putChanges(tree, key, record, next));
  return next;
}

/** Whether somebody has it open for writing, whose changes the new time would hide; also when that cannot be told. */
function mayBeWritten(path: string): boolean {
  let fd: number;
  try {
    fd = openSync(path, fs.O_RDONLY | fs.O_NOFOLLOW | fs.O_NONBLOCK);
  } catch (error) {
    if (isErrno(error, "EACCES", "ELOOP", "ENOENT", "EAGAIN")) return true;
    throw error;
  }
  try {
    return native.hasWriter(fd);
  } finally {
    closeSync(fd);
  }
}
