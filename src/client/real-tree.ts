/** What ManifestGet and ManifestListDir say of real files, without a daemon: same keys, same forms, same errors. */
import { isUtf8 } from "node:buffer";
import type { BigIntStats } from "node:fs";
import { constants } from "node:fs";
import { lstat, open, readdir, readlink, realpath } from "node:fs/promises";
import { dirname } from "node:path";
import { VriftError } from "../platform/errors.js";
import { isErrno } from "../platform/files.js";
import { ContentHasher, hashBytes } from "../platform/hash.js";
import { PROJECT_DIR } from "../platform/paths.js";
import { readWorkspaceFile, solidId } from "../platform/workspace-id.js";
import { pathToKey, saysDirectory } from "../protocol/key.js";
import { FLAG_DIR, FLAG_SYMLINK } from "../protocol/messages.js";
import type { DirEntry, VnodeEntry } from "../protocol/messages.js";

const NO_HASH: Uint8Array = new Uint8Array(32);
const CHUNK = 1 << 20;
/** Readings of a file that changes meanwhile. */
const ATTEMPTS = 3;

export function isPhantom(root: string): boolean {
  return readWorkspaceFile(root) !== undefined;
}

/** @param root real path. ENOENT, ENOTDIR. */
export async function realWorkspaceId(root: string): Promise<string> {
  if (!(await lstat(root)).isDirectory()) throw new VriftError("ENOTDIR", `${root} is not a directory`);
  return readWorkspaceFile(root)?.id ?? solidId(root);
}

/** null: nothing there, or something an entry cannot say (a socket). EBUSY for a file that does not hold still. */
export async function realEntry(root: string, path: string): Promise<VnodeEntry | null> {
  const key = pathToKey(root, path);
  const name = await nameOf(root, key);
  if (name === undefined) return null;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const before = await look(name);
    if (before === undefined) return null;
    if (before.isDirectory()) return entryOf(before, NO_HASH, FLAG_DIR);
    if (saysDirectory(path) || (!before.isFile() && !before.isSymbolicLink())) return null;
    const hash = before.isFile() ? await hashFile(name, before) : await hashTarget(name);
    const after = await look(name);
    if (hash !== undefined && after !== undefined && isSame(before, after))
      return entryOf(before, hash, before.isFile() ? 0 : FLAG_SYMLINK);
  }
  throw new VriftError("EBUSY", `${name} changes while it is read`);
}

/** Sorted by name, in byte order. ENOENT, ENOTDIR. */
export async function realList(root: string, path: string): Promise<DirEntry[]> {
  const key = pathToKey(root, path);
  const name = await nameOf(root, key);
  const stats = name === undefined ? undefined : await look(name);
  if (name === undefined || stats === undefined)
    throw new VriftError("ENOENT", `${key === "" ? root : key} is not there`);
  if (!stats.isDirectory()) throw new VriftError("ENOTDIR", `${key} is not a directory`);
  const entries: { readonly bytes: Buffer; readonly is_dir: boolean }[] = [];
  for (const entry of await readdir(name, { withFileTypes: true, encoding: "buffer" })) {
    const bytes = entry.name;
    if (isUtf8(bytes) && !(key === "" && bytes.toString() === PROJECT_DIR))
      entries.push({ bytes, is_dir: entry.isDirectory() });
  }
  entries.sort((a, b) => Buffer.compare(a.bytes, b.bytes));
  return entries.map(({ bytes, is_dir }) => ({ name: bytes.toString("utf8"), is_dir }));
}

/** The file of a key; undefined for our own directory, and below what is not a directory of the tree itself. */
async function nameOf(root: string, key: string): Promise<string | undefined> {
  if (key === "") return root;
  if (key === PROJECT_DIR || key.startsWith(`${PROJECT_DIR}/`)) return undefined;
  const name = `${root}/${key}`;
  const parent = dirname(name);
  try {
    return (await realpath(parent)) === parent ? name : undefined;
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR")) return undefined;
    throw error;
  }
}

async function look(name: string): Promise<BigIntStats | undefined> {
  try {
    return await lstat(name, { bigint: true });
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR")) return undefined;
    throw error;
  }
}

/** undefined: another file has taken the name. */
async function hashFile(name: string, expected: BigIntStats): Promise<Buffer | undefined> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  let file;
  try {
    file = await open(name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    if (isErrno(error, "ENOENT", "ELOOP")) return undefined;
    throw error;
  }
  try {
    if ((await file.stat({ bigint: true })).ino !== expected.ino) return undefined;
    const hasher = new ContentHasher();
    const chunk = Buffer.allocUnsafe(CHUNK);
    for (;;) {
      const { bytesRead } = await file.read(chunk, 0, CHUNK, null);
      if (bytesRead === 0) return hasher.digest();
      hasher.update(chunk.subarray(0, bytesRead));
    }
  } finally {
    await file.close();
  }
}

async function hashTarget(name: string): Promise<Buffer | undefined> {
  try {
    return hashBytes(await readlink(name, { encoding: "buffer" }));
  } catch (error) {
    if (isErrno(error, "ENOENT", "EINVAL")) return undefined;
    throw error;
  }
}

function isSame(a: BigIntStats, b: BigIntStats): boolean {
  return a.ino === b.ino && a.ctimeNs === b.ctimeNs && a.mtimeNs === b.mtimeNs && a.size === b.size;
}

function entryOf(stats: BigIntStats, hash: Uint8Array, flags: number): VnodeEntry {
  return {
    content_hash: new Uint8Array(hash),
    size: stats.isDirectory() ? 0n : stats.size,
    mtime: stats.mtimeNs < 0n ? 0n : stats.mtimeNs,
    mode: Number(stats.mode) & 0o7777,
    flags,
  };
}
