/** Makes physical names: a file from its blob, a link, a directory; each appears with its final mode and times or not at all. */
import { chmodSync, mkdirSync, renameSync, symlinkSync } from "node:fs";
import { dirname } from "node:path";
import { isErrno, unlinkIfPresent } from "../platform/files.js";
import { native } from "../platform/native.js";
import type { BlobId } from "../store/store.js";
import { lookPhysical } from "./physical.js";
import { stagingName } from "./staging.js";
import type { Tree } from "./tree.js";

/** Takes the place of a file or link at `path`, atomically. */
export async function placeFile(
  tree: Tree,
  path: string,
  id: BlobId,
  mode: number,
  mtimeNs: bigint,
): Promise<void> {
  const temporary = stagingName(tree, path);
  try {
    await tree.store.exportTo(id, temporary, dirname(temporary), mode, mtimeNs);
    renameSync(temporary, path);
  } finally {
    unlinkIfPresent(temporary);
  }
}

/** Takes the place of a file or link at `path`, atomically. */
export function placeLink(tree: Tree, path: string, target: Uint8Array, mtimeNs: bigint): void {
  const temporary = stagingName(tree, path);
  try {
    symlinkSync(Buffer.from(target), temporary);
    native.setTimes(temporary, mtimeNs, mtimeNs);
    renameSync(temporary, path);
  } finally {
    unlinkIfPresent(temporary);
  }
}

/** Mode and mtime of a directory that is made when it is not there. @param mtimeNs left as it is when undefined. */
export function placeDirectory(path: string, mode: number, mtimeNs?: bigint): void {
  try {
    mkdirSync(path, mode);
  } catch (error) {
    if (!isErrno(error, "EEXIST") || lookPhysical(path)?.type !== "dir") throw error;
  }
  chmodSync(path, mode);
  if (mtimeNs !== undefined) native.setTimes(path, mtimeNs, mtimeNs);
}
