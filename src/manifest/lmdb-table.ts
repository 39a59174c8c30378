/**
 * The table on disk, the only importer of lmdb. One transaction at a time, synced, made by lmdb's own thread; opened by
 * the owning daemon only (a second opener with an lmdb of its own could read a page that is being replaced).
 *
 * Options that differ from lmdb-js' defaults: `overlappingSync: false`, so that a commit is LMDB's own protocol (pages,
 * fdatasync, meta page with O_DSYNC) and has happened when its promise resolves; binary keys and values, no compression.
 * Left at the default: `noMemInit` off (free space of a page must not hold bits of our heap), the map grows by itself.
 */
import { chmodSync, constants, closeSync, existsSync } from "node:fs";
import { join } from "node:path";
import { getSystemErrorName } from "node:util";
import { type RootDatabase, open } from "lmdb";
import { VriftError, isErrorCode } from "../platform/errors.js";
import type { ErrorCode } from "../platform/errors.js";
import { FILE_MODE, openNew } from "../platform/files.js";
import { DATA_FILE } from "./data-file.js";
import { META_PARENT, STATE_PARENT, entryKey, nameBytes, nameOfKey } from "./keys.js";
import { readLmdbMeta } from "./lmdb-file.js";
import { LmdbRoom } from "./lmdb-room.js";
import type { EntryId, ManifestRecord } from "./manifest.js";
import type { Overlay } from "./overlay.js";
import { decodeManifestRecord, encodeManifestRecord } from "./record-codec.js";

/** What is kept about the whole, written in every transaction. */
export interface TableState {
  /** The last change the table reflects. */
  readonly sequence: bigint;
  /** Entries. */
  readonly count: number;
  readonly nextId: EntryId;
}

const STATE_KEY = entryKey(STATE_PARENT, "state");
const STATE_VERSION = 1;
const STATE_SIZE = 28;
/** Records read at a time by `children`: no read transaction outlives a page. */
const PAGE = 512;

export class LmdbTable {
  readonly #db: RootDatabase<Buffer, Buffer>;
  readonly #room: LmdbRoom;
  readonly state: TableState;
  #isSpent = false;

  constructor(directory: string, fresh: TableState) {
    const data = join(directory, DATA_FILE);
    for (const file of [data, join(directory, "lock.mdb")]) {
      // LMDB makes them 0664 less the umask; it takes an empty file for a new one.
      if (existsSync(file)) chmodSync(file, FILE_MODE);
      else closeSync(openNew(file, constants.O_RDWR));
    }
    readLmdbMeta(data);
    this.#db = open<Buffer, Buffer>({
      path: directory,
      noSubdir: false,
      encoding: "binary",
      keyEncoding: "binary",
      compression: false,
      cache: false,
      overlappingSync: false,
    });
    this.#room = new LmdbRoom(data);
    this.state = this.#readState() ?? fresh;
  }

  /** A write of LMDB's own has failed: this process is not to write, close or open it any more (lmdb-room.ts). Reads go on. */
  get isSpent(): boolean {
    return this.#isSpent;
  }

  /** Whether a commit of these changes would have room. Throws why not. */
  takeRoom(changes: Overlay): number {
    return this.#room.take(changes);
  }

  get(parent: EntryId, name: string): ManifestRecord | undefined {
    const bytes = this.#db.getBinary(entryKey(parent, name));
    return bytes && decodeManifestRecord(bytes);
  }

  getMeta(name: string): string | undefined {
    return this.#db.getBinary(entryKey(META_PARENT, name))?.toString();
  }

  /** The next records of a directory after a name, at most `PAGE`; fewer means that these were the last. */
  page(
    parent: EntryId,
    after: string | undefined,
  ): { items: (readonly [string, ManifestRecord])[]; last: boolean } {
    const items: (readonly [string, ManifestRecord])[] = [];
    const range = this.#db.getRange({
      start: entryKey(parent, after ?? ""),
      end: entryKey(parent + 1n, ""),
      exclusiveStart: after !== undefined,
      limit: PAGE,
    });
    for (const { key, value } of range) items.push([nameOfKey(key), decodeManifestRecord(value)]);
    return { items, last: items.length < PAGE };
  }

  /** Every record of a directory as it is on disk; valid during the call. For who changes nothing meanwhile. */
  visit(parent: EntryId, visitor: (name: Uint8Array, record: Buffer) => void): void {
    const range = this.#db.getRange({ start: entryKey(parent, ""), end: entryKey(parent + 1n, "") });
    for (const { key, value } of range) visitor(nameBytes(key), value);
  }

  /** On disk when it resolves; untouched when it rejects, and spent when it was LMDB that failed. */
  async commit(changes: Overlay, state: TableState): Promise<void> {
    if (this.#isSpent) throw new Error("the table is spent");
    this.takeRoom(changes);
    try {
      await this.#db.batch(() => {
        for (const [parent, name, record] of changes) {
          const key = entryKey(parent, name);
          // What they return settles with the batch, which is what is waited for (isCommitFailure).
          if (record) void this.#db.put(key, encodeManifestRecord(record));
          else void this.#db.remove(key);
        }
        for (const [name, value] of changes.meta) {
          void this.#db.put(entryKey(META_PARENT, name), Buffer.from(value));
        }
        void this.#db.put(STATE_KEY, encodeState(state));
      });
    } catch (error) {
      this.#isSpent = true;
      const cause = await commitCause(error);
      throw new VriftError(codeOf(cause), "the manifest's database cannot be written", { cause });
    }
    this.#db.resetReadTxn();
    try {
      this.#room.giveBack();
    } catch {
      // The commit stands, and the file is longer than need be.
    }
  }

  async close(): Promise<void> {
    this.#room.close();
    if (!this.#isSpent) await this.#db.close();
  }

  #readState(): TableState | undefined {
    const bytes = this.#db.getBinary(STATE_KEY);
    if (!bytes) return undefined;
    if (bytes.length !== STATE_SIZE || bytes.readUInt32LE(0) !== STATE_VERSION) {
      throw new VriftError(
        "VRIFT_DAMAGED",
        `the manifest's state has ${bytes.length} bytes of an unknown version`,
      );
    }
    return {
      sequence: bytes.readBigUInt64LE(4),
      count: Number(bytes.readBigUInt64LE(12)),
      nextId: bytes.readBigUInt64LE(20),
    };
  }
}

function encodeState(state: TableState): Buffer {
  const bytes = Buffer.alloc(STATE_SIZE);
  bytes.writeUInt32LE(STATE_VERSION, 0);
  bytes.writeBigUInt64LE(state.sequence, 4);
  bytes.writeBigUInt64LE(BigInt(state.count), 12);
  bytes.writeBigUInt64LE(state.nextId, 20);
  return bytes;
}

/** lmdb-js gives the errno as a number; LMDB has codes of its own, below 0. */
function codeOf(cause: unknown): ErrorCode {
  const number = cause instanceof Error ? (cause as { code?: unknown }).code : undefined;
  const name = typeof number === "number" && number > 0 ? getSystemErrorName(-number) : undefined;
  return isErrorCode(name) ? name : "EIO";
}

/** lmdb-js rejects with a general error, and with the reason in a second promise. */
async function commitCause(thrown: unknown): Promise<unknown> {
  const reason =
    thrown instanceof Error ? (thrown as { commitError?: Promise<unknown> }).commitError : undefined;
  if (!reason) return thrown;
  try {
    await reason;
    return thrown;
  } catch (error) {
    return error;
  }
}
