/**
 * `roots/<name>`: the hashes a workspace or snapshot needs. Records as in record-log.ts: sequence 0 is the head, the
 * others hold hashes, 32 bytes each; additions are appended. A torn tail was acknowledged to nobody and is cut; damage
 * inside means that we no longer know what must stay, so nothing may be deleted.
 *
 * A list is replaced while it is open and added to (`replace`). What is added meanwhile goes to the old list, as ever, and into
 * the new one before that takes the name; also what the old list has already, because the new one might not. From the
 * rename on the new file is the list, whatever else goes wrong: an addition to the old one would be an addition to nothing.
 */
import {
  closeSync,
  constants,
  fdatasync,
  fdatasyncSync,
  fsync,
  fstatSync,
  ftruncateSync,
  openSync,
  renameSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import { VriftError } from "../platform/errors.js";
import {
  FILE_MODE,
  namesIn,
  openNew,
  readPrivateFile,
  syncDirectory,
  temporaryName,
  unlinkIfPresent,
  writeAll,
  writeFileAtomic,
} from "../platform/files.js";
import { HASH_SIZE } from "../platform/hash.js";
import { type LogRecord, encodeRecord, scanLog } from "../platform/record-log.js";
import { HashSet } from "./hash-set.js";
import type { ContentHash, Roots } from "./store.js";
import { Turns } from "./turns.js";

const syncData = promisify(fdatasync);
const syncFile = promisify(fsync);

/** Sequence and payload of the first record. */
const HEAD = Buffer.from("vrift roots 1\n");
/** Hashes between two looks at the clock. */
const PAUSE = 64;
/** Hashes in one record of a rewritten list: 2 MiB. */
const HASHES_PER_RECORD = 65_536;

export async function openRoots(path: string): Promise<Roots> {
  const bytes = readPrivateFile(path);
  if (bytes === undefined) {
    writeFileAtomic(path, encodeRecord(0n, HEAD), { durable: true });
    return new RootsFile(path, new HashSet(), 0n);
  }
  removeUnfinished(path);
  const { hashes, sequence, end } = parseRoots(bytes, path);
  const roots = new RootsFile(path, hashes, sequence);
  if (end < bytes.length) roots.cut(end);
  return roots;
}

/** Durable when it returns. */
export function removeRoots(path: string): void {
  if (unlinkIfPresent(path)) syncDirectory(dirname(path));
}

/** What a writer that was killed while it replaced the list has left: whoever opens a list is the only one who writes it. */
function removeUnfinished(path: string): void {
  const begin = `.${basename(path)}.`;
  for (const name of namesIn(dirname(path)))
    if (name.startsWith(begin) && /^\d+\.\d+\.tmp$/.test(name.slice(begin.length)))
      unlinkIfPresent(join(dirname(path), name));
}

export function parseRoots(bytes: Buffer, path: string): { hashes: HashSet; sequence: bigint; end: number } {
  const { records, end, tail } = scanLog(bytes);
  const hashes = new HashSet();
  let sequence = NO_RECORD;
  for (const record of records) {
    sequence = checkRecord(record, sequence, path);
    for (const hash of hashesIn(record)) hashes.add(hash);
  }
  if (tail === "damaged" || sequence === NO_RECORD) throw damagedRoots(path, `is damaged at byte ${end}`);
  return { hashes, sequence, end };
}

/** Before the head was read. */
export const NO_RECORD = -1n;

/** The number of the record after number `previous`. VRIFT_DAMAGED when it is not the next one, or no list of hashes. */
export function checkRecord({ payload, sequence }: LogRecord, previous: bigint, path: string): bigint {
  const inPlace =
    sequence === 0n ? payload.equals(HEAD) : previous !== NO_RECORD && payload.length % HASH_SIZE === 0;
  if (sequence !== previous + 1n || !inPlace)
    throw damagedRoots(path, `is damaged: record ${sequence} is out of place`);
  return sequence;
}

export function* hashesIn({ payload, sequence }: LogRecord): Generator<Uint8Array> {
  if (sequence === 0n) return;
  for (let at = 0; at < payload.length; at += HASH_SIZE) yield payload.subarray(at, at + HASH_SIZE);
}

export function damagedRoots(path: string, what: string, cause?: unknown): VriftError {
  return new VriftError("VRIFT_DAMAGED", `${path} ${what}; nothing may be deleted`, { cause });
}

class RootsFile implements Roots {
  readonly #path: string;
  #hashes: HashSet;
  #sequence: bigint;
  #fd: number;
  /** While the list is being replaced: what was added since that began. */
  #added: HashSet | undefined;

  constructor(path: string, hashes: HashSet, sequence: bigint) {
    this.#path = path;
    this.#hashes = hashes;
    this.#sequence = sequence;
    this.#fd = openForAppend(path);
  }

  get size(): number {
    return this.#hashes.size;
  }

  has(hash: ContentHash): boolean {
    return this.#hashes.has(hash);
  }

  /** Without a pause, so that what one turn of the event loop reads and adds was not replaced in between. */
  async add(hashes: readonly ContentHash[]): Promise<void> {
    for (let from = 0; from < hashes.length; from += HASHES_PER_RECORD) {
      const fresh = new HashSet();
      for (const hash of hashes.slice(from, from + HASHES_PER_RECORD)) {
        if (!this.#hashes.has(hash)) fresh.add(hash);
        this.#added?.add(hash);
      }
      if (fresh.size === 0) continue;
      this.#append(encodeRecord(this.#sequence + 1n, Buffer.concat([...fresh])));
      this.#sequence++;
      for (const hash of fresh) this.#hashes.add(hash);
    }
  }

  get isBeingReplaced(): boolean {
    return this.#added !== undefined;
  }

  async replace(
    hashes: Iterable<ContentHash>,
    expected = 0,
    ready: () => Promise<void> = () => Promise.resolve(),
  ): Promise<void> {
    if (this.#added !== undefined) throw new VriftError("EBUSY", `${this.#path} is being replaced`);
    this.#added = new HashSet();
    const turns = new Turns();
    try {
      const fresh = new HashSet();
      fresh.reserve(expected);
      let taken = 0;
      for (const hash of hashes) {
        fresh.add(hash);
        if (++taken % PAUSE === 0) await turns.pause();
      }
      await this.#replaceWith(fresh, turns, ready);
    } finally {
      this.#added = undefined;
    }
  }

  async #replaceWith(fresh: HashSet, turns: Turns, ready: () => Promise<void>): Promise<void> {
    const temporary = temporaryName(dirname(this.#path), basename(this.#path));
    const fd = openNew(temporary, constants.O_RDWR | constants.O_APPEND);
    let sequence = -1n;
    const write = (payload: Buffer): void => writeAll(fd, encodeRecord(++sequence, payload));
    try {
      write(HEAD);
      for (const part of parts(fresh)) {
        write(part);
        await turns.pause();
      }
      await syncData(fd);
      await ready();
      if (this.#fd < 0) throw new VriftError("EINVAL", `${this.#path} was closed while it was replaced`);
      // No turn of the event loop from here to the rename.
      const late = new HashSet();
      for (const hash of this.#added!) if (!fresh.has(hash)) late.add(hash);
      for (const part of parts(late)) write(part);
      for (const hash of late) fresh.add(hash);
      renameSync(temporary, this.#path);
    } catch (error) {
      closeSync(fd);
      unlinkIfPresent(temporary);
      throw error;
    }
    closeSync(this.#fd);
    this.#fd = fd;
    this.#hashes = fresh;
    this.#sequence = sequence;
    await syncInTurns(dirname(this.#path));
  }

  async remove(): Promise<void> {
    this.close();
    removeRoots(this.#path);
  }

  close(): void {
    if (this.#fd < 0) return;
    closeSync(this.#fd);
    this.#fd = -1;
  }

  cut(end: number): void {
    ftruncateSync(this.#fd, end);
    fdatasyncSync(this.#fd);
  }

  /** A write that failed half-way (disk full) must not leave a torn record before the next one. */
  #append(record: Buffer): void {
    const end = fstatSync(this.#fd).size;
    try {
      writeAll(this.#fd, record);
    } catch (error) {
      ftruncateSync(this.#fd, end);
      throw error;
    }
  }
}

/** fsync of a directory takes long on a busy disk; others go on meanwhile. */
async function syncInTurns(directory: string): Promise<void> {
  const fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await syncFile(fd);
  } finally {
    closeSync(fd);
  }
}

/** Payloads of records. */
function* parts(hashes: Iterable<ContentHash>): Generator<Buffer> {
  let part: Uint8Array[] = [];
  for (const hash of hashes) {
    part.push(hash);
    if (part.length < HASHES_PER_RECORD) continue;
    yield Buffer.concat(part);
    part = [];
  }
  if (part.length > 0) yield Buffer.concat(part);
}

function openForAppend(path: string): number {
  return openSync(path, constants.O_RDWR | constants.O_APPEND | constants.O_NOFOLLOW, FILE_MODE);
}
