/** Opens the content store and binds its parts to the contract in store.ts. */
import { closeSync, constants, fchmodSync, fstatSync, openSync, readdirSync, renameSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { VriftError, toVriftError } from "../platform/errors.js";
import { makeDirectory, openNew, readFully, temporaryName } from "../platform/files.js";
import { EMPTY_HASH, hashBytes, hashToHex } from "../platform/hash.js";
import { SWEEP_GRACE_SECONDS } from "../platform/limits.js";
import { native } from "../platform/native.js";
import {
  type StoreLayout,
  blobFile,
  blobName,
  isRootsName,
  parseBlobName,
  storeLayout,
} from "./blob-names.js";
import { SEALED_MODE, isSealed, lookUp, makePrivate, quarantine, seal, statFile } from "./blobs.js";
import { takeCensus } from "./census.js";
import { chooseEviction } from "./eviction.js";
import { damaged, exportTo, openBlob } from "./export.js";
import { BlobFinder } from "./find-blob.js";
import { hashFile } from "./hash-file.js";
import { discardLinked, importBytes, importFile } from "./import.js";
import { removeAbandoned } from "./incoming.js";
import { LeaseReader, openLease } from "./leases.js";
import { openRoots, removeRoots } from "./roots.js";
import { emptyTrash, sweep } from "./sweep.js";
import type { BlobId, BlobStat, ContentStore } from "./store.js";

export interface StoreSettings {
  /** Grace period of sweeps that do not say another; milliseconds. Default: SWEEP_GRACE_SECONDS. */
  readonly graceMs?: number;
}

/** Opens (making what is missing) the store at `path`. Any number of processes may have it open. */
export async function openStore(path: string, settings: StoreSettings = {}): Promise<ContentStore> {
  const layout = storeLayout(path);
  for (const directory of [path, layout.blobs, layout.roots, layout.leases, layout.trash, layout.incoming]) {
    makeDirectory(directory);
  }
  makeEmptyFile(layout);
  removeAbandoned(layout.incoming);
  const directoryFd = openSync(layout.blobs, constants.O_RDONLY | constants.O_DIRECTORY);
  const dev = fstatSync(directoryFd, { bigint: true }).dev;
  const finder = new BlobFinder(layout, (id) => statBlob(layout, id) !== undefined);
  const closing = new AbortController();
  const graceMs = settings.graceMs ?? SWEEP_GRACE_SECONDS * 1000;

  return {
    path,
    dev,
    blobPath: (id) => blobFile(layout, id),
    statBlob: (id) => statBlob(layout, id),
    findBlob: (hash) => (isEmptyId({ hash, size: 0n }) ? { hash, size: 0n } : finder.find(hash)),
    importFile: (fd, from, how, lease) => importFile(layout, fd, from, how, lease),
    importBytes: (bytes, lease) => importBytes(layout, bytes, lease),
    sealBlob: (id, fd) => id.size === 0n || seal(layout, id, fd),
    discardLinked: (id, ino) => {
      discardLinked(layout, id, ino);
    },
    verifyBlob: async (id) => {
      await verifyBlob(layout, id);
      finder.note(id);
    },
    isSound: (id) => isSound(layout, id),
    readBlob: (id) => readBlob(layout, id),
    exportTo: (id, to, staging, mode, mtimeNs) => exportTo(layout, id, to, staging, mode, mtimeNs),
    sync: async () => {
      await native.syncfs(directoryFd);
    },
    lease: () => openLease(layout.leases),
    leased: () => {
      const leases = new LeaseReader(layout.leases);
      leases.refresh();
      return leases.hashes;
    },
    roots: async (name) => openRoots(rootsFile(layout, name)),
    removeRoots: async (name) => {
      removeRoots(rootsFile(layout, name));
    },
    rootNames: () => readdirSync(layout.roots).filter(isRootsName),
    sweep: (filter, options) => sweep(layout, filter, { graceMs, signal: closing.signal, ...options }),
    emptyTrash: (dueMs, options) =>
      emptyTrash(layout, { graceMs, signal: closing.signal, ...options }, dueMs),
    census: (options) => takeCensus(layout, { graceMs, ...options }),
    chooseEviction: (maxBytes) => chooseEviction(layout, maxBytes),
    usage: () => usage(layout),
    close: () => {
      closing.abort();
      closeSync(directoryFd);
    },
  };
}

function rootsFile(layout: StoreLayout, name: string): string {
  if (!isRootsName(name)) throw new VriftError("EINVAL", `${JSON.stringify(name)} cannot name roots`);
  return join(layout.roots, name);
}

/** The content of every empty file; remade when somebody has written into it. */
function makeEmptyFile(layout: StoreLayout): void {
  const found = statFile(layout.empty);
  if (found?.isFile() && found.size === 0n && (found.mode & 0o7777n) === BigInt(SEALED_MODE)) return;
  const temporary = temporaryName(layout.incoming, "empty");
  const fd = openNew(temporary, constants.O_WRONLY);
  fchmodSync(fd, SEALED_MODE);
  closeSync(fd);
  renameSync(temporary, layout.empty);
}

function statBlob(layout: StoreLayout, id: BlobId): BlobStat | undefined {
  if (id.size === 0n) return isEmptyId(id) ? { size: 0n, blocks: 0, ino: 0n, sealed: true } : undefined;
  const found = lookUp(layout, id);
  if (!found) return undefined;
  return { size: found.size, blocks: Number(found.blocks), ino: found.ino, sealed: isSealed(found) };
}

function isEmptyId(id: BlobId): boolean {
  return id.size === 0n && hashToHex(id.hash) === hashToHex(EMPTY_HASH);
}

async function verifyBlob(layout: StoreLayout, id: BlobId): Promise<void> {
  if (isEmptyId(id)) return;
  const refused = new VriftError("EINVAL", `blob ${blobName(id)} does not have the content its name says`);
  const path = blobFile(layout, id);
  const before = id.size === 0n ? undefined : statFile(path);
  const found = id.size === 0n ? undefined : lookUp(layout, id);
  if (!found) {
    if (before) throw refused; // a wrong size: quarantined just now
    throw new VriftError("ENOENT", `blob ${blobName(id)} is not in the store`);
  }
  if (!isSealed(found)) {
    if (!(await makePrivate(layout, id))) throw refused;
    return;
  }
  const fd = await openBlob(layout, id, blobName(id));
  try {
    const { ino } = fstatSync(fd, { bigint: true });
    const hashed = await hashFile(fd);
    if (hashed.size === id.size && hashed.hash.equals(id.hash)) return;
    quarantine(layout, id, ino);
    throw refused;
  } finally {
    closeSync(fd);
  }
}

async function isSound(layout: StoreLayout, id: BlobId): Promise<boolean> {
  if (id.size === 0n) return isEmptyId(id);
  const found = lookUp(layout, id);
  return found !== undefined && (isSealed(found) || (await makePrivate(layout, id)));
}

async function readBlob(layout: StoreLayout, id: BlobId): Promise<Buffer> {
  if (isEmptyId(id)) return Buffer.alloc(0);
  const fd = await openBlob(layout, id, blobName(id));
  try {
    const bytes = Buffer.allocUnsafe(Number(id.size));
    if (readFully(fd, bytes, 0) !== bytes.length || !hashBytes(bytes).equals(id.hash))
      throw damaged(layout, id, fstatSync(fd, { bigint: true }).ino, blobName(id));
    return bytes;
  } catch (error) {
    throw toVriftError(error);
  } finally {
    closeSync(fd);
  }
}

async function usage(layout: StoreLayout): Promise<{ blobs: number; bytes: bigint }> {
  let blobs = 0;
  let bytes = 0n;
  for (const shard of await readdir(layout.blobs)) {
    for (const name of await readdir(join(layout.blobs, shard))) {
      const id = parseBlobName(name);
      if (!id) continue;
      blobs++;
      bytes += id.size;
    }
  }
  return { blobs, bytes };
}
