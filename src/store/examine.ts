/** Looks at one directory of blobs, name by name; what is not what its name says leaves it. docs/verify.md. */
import { closeSync, constants, fstatSync, openSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { isErrno } from "../platform/files.js";
import { hashToHex } from "../platform/hash.js";
import { type StoreLayout, blobFile, parseBlobName } from "./blob-names.js";
import { isSealed, makePrivate, quarantine, statFile } from "./blobs.js";
import { hashFile } from "./hash-file.js";
import { settleMisnamed } from "./misnamed.js";
import type { BlobId } from "./store.js";
import { Turns } from "./turns.js";

/** What was wrong with a file of the store. `rightful`: only its name was, and it has the right one now. */
export type Fault = "type" | "size" | "content" | "unreadable" | "name" | "rightful";

export interface Damage {
  /** Below the directory of blobs. */
  readonly name: string;
  readonly fault: Fault;
  /** Where it lies now, for a person; null: it could not be moved, or was no more than a name of somebody's file. */
  readonly aside: string | null;
}

export interface ShardFindings {
  blobs: number;
  bytes: number;
  /** Of them, whose content was read. */
  hashed: number;
  hashedBytes: number;
  /** Whose content was right, and whose seal was not: sealed again. */
  resealed: number;
  /** Imported by link, and the file still has its name: a phantom is at work, or was killed. */
  linked: number;
  damaged: Damage[];
}

/** A directory of blobs and what is to be made sure of. Also what a thread is told. */
export interface ShardWork {
  readonly shard: string;
  /** Also what is sealed. */
  readonly full: boolean;
}

export function noFindings(): ShardFindings {
  return { blobs: 0, bytes: 0, hashed: 0, hashedBytes: 0, resealed: 0, linked: 0, damaged: [] };
}

export function addFindings(to: ShardFindings, more: ShardFindings): void {
  to.blobs += more.blobs;
  to.bytes += more.bytes;
  to.hashed += more.hashed;
  to.hashedBytes += more.hashedBytes;
  to.resealed += more.resealed;
  to.linked += more.linked;
  to.damaged.push(...more.damaged);
}

export async function examineShard(
  layout: StoreLayout,
  { shard, full }: ShardWork,
  each: (blobs: number, bytes: number) => void = () => {},
): Promise<ShardFindings> {
  const findings = noFindings();
  const turns = new Turns();
  for (const name of readdirSync(join(layout.blobs, shard))) {
    const id = parseBlobName(name);
    if (id !== undefined && id.size > 0n && name.startsWith(shard))
      await examineBlob(layout, id, full, findings);
    else await examineMisnamed(layout, join(shard, name), findings);
    each(1, Number(id?.size ?? 0n));
    await turns.pause();
  }
  return findings;
}

async function examineBlob(
  layout: StoreLayout,
  id: BlobId,
  full: boolean,
  findings: ShardFindings,
): Promise<void> {
  const stat = statFile(blobFile(layout, id));
  if (stat === undefined) return; // a sweep was here
  findings.blobs += 1;
  findings.bytes += Number(id.size);
  if (!stat.isFile()) return found(layout, id, "type", stat.ino, findings);
  if (stat.size !== id.size) return found(layout, id, "size", stat.ino, findings);
  const sealed = isSealed(stat);
  if (sealed && !full) return;
  if (!sealed && stat.nlink > 1n) {
    findings.linked += 1;
    return;
  }
  findings.hashed += 1;
  findings.hashedBytes += Number(id.size);
  try {
    // In this order: what is not sealed may change while it is hashed, its copy not.
    if (sealed) await examineContent(layout, id, findings);
    else await reseal(layout, id, findings);
  } catch (error) {
    if (!isErrno(error, "EIO", "EBADMSG", "EUCLEAN")) throw error;
    found(layout, id, "unreadable", stat.ino, findings);
  }
}

async function examineContent(layout: StoreLayout, id: BlobId, findings: ShardFindings): Promise<void> {
  let fd: number;
  try {
    fd = openSync(blobFile(layout, id), constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return;
    throw error;
  }
  try {
    const { size, hash } = await hashFile(fd);
    if (size !== id.size || !hash.equals(id.hash))
      found(layout, id, "content", fstatSync(fd, { bigint: true }).ino, findings);
  } finally {
    closeSync(fd);
  }
}

async function reseal(layout: StoreLayout, id: BlobId, findings: ShardFindings): Promise<void> {
  const aside: (string | undefined)[] = [];
  if (await makePrivate(layout, id, (path) => aside.push(path))) findings.resealed += 1;
  else if (aside.length > 0)
    findings.damaged.push({ name: nameOf(id), fault: "content", aside: aside[0] ?? null });
}

async function examineMisnamed(layout: StoreLayout, name: string, findings: ShardFindings): Promise<void> {
  const settled = await settleMisnamed(layout, name);
  if (settled !== undefined) findings.damaged.push({ name, ...settled });
}

/** Where nothing may be moved, it is said all the same. */
function found(layout: StoreLayout, id: BlobId, fault: Fault, ino: bigint, findings: ShardFindings): void {
  let aside: string | undefined;
  try {
    aside = quarantine(layout, id, ino);
  } catch (error) {
    if (!isErrno(error, "EROFS", "EACCES", "EPERM")) throw error;
  }
  findings.damaged.push({ name: nameOf(id), fault, aside: aside ?? null });
}

function nameOf({ hash, size }: BlobId): string {
  const hex = hashToHex(hash);
  return `${hex.slice(0, 2)}/${hex}_${size}.bin`;
}
