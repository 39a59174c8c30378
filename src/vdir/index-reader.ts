/**
 * Reader of an index file for programs in TypeScript (`vrift status`, tests): the same rules as native/index/index_reader.h,
 * so it may run beside the writer in another process. Lookups cost microseconds; the injected library has the fast one.
 */
import { closeSync, constants as fs, fstatSync, openSync } from "node:fs";
import { VriftError } from "../platform/errors.js";
import { native } from "../platform/native.js";
import { offsetsOf } from "./fields.js";
import { readHeader } from "./index-header.js";
import type { IndexHeader } from "./index-header.js";
import { constants, indexEntry, indexHeader } from "./layout.js";
import { markWord } from "./marks.js";

export interface IndexEntry {
  readonly number: number;
  readonly key: string;
  readonly name: string;
  readonly parent: number;
  readonly flags: number;
  /** st_mode, type bits included. */
  readonly mode: number;
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly ino: bigint;
  /** 512-byte units. */
  readonly blocks: number;
  /** 32 bytes; zero unless ENTRY_HASHED. */
  readonly hash: Buffer;
}

const ATTEMPTS = 1000;
/** A daemon that has not given a sign of life for so long is frozen: what it knows may be old. */
const HEARTBEAT_STALE_NS = BigInt(constants.HEARTBEAT_STALE_NS);
const ENTRY_WORDS = indexEntry.size / 8;
const HASH_WORDS = 4;
const GROUP = Number(constants.GROUP_ENTRIES);
const TAG_EMPTY = Number(constants.TAG_EMPTY);
const TAG_FIRST = Number(constants.TAG_FIRST);
const FREE = Number(constants.ENTRY_FREE);
const at = offsetsOf(indexEntry);
const NEXT = at("next");
const FIRST_CHILD = at("first_child");
const UNDO = Number(constants.INDEX_UNDO_OFFSET) / 8;
const STRUCTURE_SEQ = offsetsOf(indexHeader)("structure_seq") / 8;

export class IndexReader {
  readonly #buffer: ArrayBuffer;
  readonly #words: BigUint64Array;
  readonly #half: Uint32Array;
  readonly #tags: Uint16Array;
  readonly #limits: IndexHeader;

  /** VRIFT_DAMAGED when the buffer is not an index. */
  constructor(buffer: ArrayBuffer) {
    this.#buffer = buffer;
    this.#limits = readHeader(buffer);
    this.#words = new BigUint64Array(buffer, 0, buffer.byteLength >> 3);
    this.#half = new Uint32Array(buffer, 0, buffer.byteLength >> 2);
    this.#tags = new Uint16Array(buffer, this.#limits.tagsOffset, this.#limits.entryCapacity);
  }

  /** Maps a file: ENOENT, ELOOP, EACCES (another user's, or open to others), VRIFT_DAMAGED. */
  static open(path: string): IndexReader {
    const fd = openSync(path, fs.O_RDONLY | fs.O_NOFOLLOW);
    try {
      const status = fstatSync(fd);
      if (!status.isFile() || status.uid !== process.getuid?.() || (status.mode & 0o077) !== 0) {
        throw new VriftError("EACCES", `${path} is not a private file of this user`);
      }
      if (status.size < constants.INDEX_HEADER_SIZE) {
        throw new VriftError("VRIFT_DAMAGED", `not a usable index file: ${path} is too short`);
      }
      return new IndexReader(native.mapShared(fd, status.size, false));
    } finally {
      closeSync(fd);
    }
  }

  /** As it is now. */
  get header(): IndexHeader {
    return readHeader(this.#buffer);
  }

  /** The entry of a key; undefined when there is none. EBUSY when the writer gave no quiet moment (or died in a change). */
  lookup(key: string): IndexEntry | undefined {
    const bytes = Buffer.from(key);
    const hash = native.pathHash(bytes);
    return this.#settled(() => this.#probe(bytes, hash));
  }

  /** Entries of a directory in no particular order; undefined when the key is absent. EBUSY as lookup. */
  children(key: string): IndexEntry[] | undefined {
    return this.#settled(() => {
      const directory = this.#probe(Buffer.from(key), native.pathHash(Buffer.from(key)));
      if (directory === undefined) return undefined;
      const found: IndexEntry[] = [];
      let number = this.#link(directory.number, FIRST_CHILD);
      for (let count = 0; number !== 0 && count < this.#limits.entryCapacity; count += 1) {
        found.push(this.#read(number));
        number = this.#link(number, NEXT);
      }
      return found;
    });
  }

  /** An entry by its number; FREE in its flags when there is none. */
  entry(number: number): IndexEntry {
    return this.#settled(() => this.#read(number));
  }

  /** Every entry, in order of their numbers; what changes meanwhile may be missing or there. */
  *entries(): Generator<IndexEntry> {
    for (let number = 0; number < this.#limits.entryCapacity; number += 1) {
      if (number > 0 && Atomics.load(this.#tags, number) < TAG_FIRST) continue;
      const entry = this.#settled(() => this.#read(number));
      if ((entry.flags & FREE) === 0) yield entry;
    }
  }

  /** Whether the index alone may answer for a key: DESIGN section 4. */
  trusted(key: string, marks: ArrayBuffer): boolean {
    const { alive, distrust, superseded, seenOffset, heartbeatNs } = this.header;
    const isBeating = process.hrtime.bigint() - heartbeatNs < HEARTBEAT_STALE_NS;
    const words = new BigUint64Array(marks, 0, Number(constants.MARK_COUNT));
    const clean = (word: number): boolean => {
      const seen = Atomics.load(this.#words, seenOffset / 8 + word);
      return seen === Atomics.load(words, word) && (seen & constants.MARK_IN_FLIGHT) === 0n;
    };
    const isClean =
      clean(Number(constants.MARK_SUMMARY)) || clean(markWord(native.pathHash(Buffer.from(key))));
    return alive && isBeating && distrust === 0 && !superseded && isClean;
  }

  #probe(key: Buffer, hash: bigint): IndexEntry | undefined {
    if (key.length === 0) return this.#read(0);
    const tag = tagOf(hash);
    let last = false;
    let probe = 0;
    for (const group of probeGroups(hash, this.#limits.entryCapacity / GROUP)) {
      for (let number = group * GROUP; number < (group + 1) * GROUP; number += 1) {
        const found = Atomics.load(this.#tags, number);
        if (found === TAG_EMPTY) last = true;
        if (found !== tag) continue;
        const entry = this.#read(number);
        if ((entry.flags & FREE) === 0 && Buffer.from(entry.key).equals(key)) return entry;
      }
      probe += 1;
      if (last && probe > 1) return undefined;
    }
    return undefined;
  }

  /** Repeats `read` until no name came or went meanwhile. */
  #settled<T>(read: () => T): T {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const begun = Atomics.load(this.#words, STRUCTURE_SEQ);
      const result = read();
      if ((begun & 1n) === 0n && Atomics.load(this.#words, STRUCTURE_SEQ) === begun) return result;
    }
    throw new VriftError(
      "EBUSY",
      "the index is being changed, or its writer ended in the middle of a change",
    );
  }

  #link(number: number, offset: number): number {
    const next = Atomics.load(
      this.#half,
      (this.#limits.entriesOffset + number * indexEntry.size + offset) / 4,
    );
    return next < this.#limits.entryCapacity ? next : 0;
  }

  /** A copy of one entry between two equal, even values of its sequence. */
  #read(number: number): IndexEntry {
    const { entriesOffset, hashesOffset, entryCapacity } = this.#limits;
    if (number < 0 || number >= entryCapacity)
      throw new VriftError("VRIFT_DAMAGED", "the index names no such entry");
    const from = entriesOffset + number * indexEntry.size;
    const copy = new BigUint64Array(ENTRY_WORDS + HASH_WORDS);
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const before = Atomics.load(this.#half, from / 4);
      if ((before & 1) !== 0) continue;
      for (let word = 0; word < ENTRY_WORDS; word += 1)
        copy[word] = Atomics.load(this.#words, from / 8 + word);
      for (let word = 0; word < HASH_WORDS; word += 1)
        copy[ENTRY_WORDS + word] = Atomics.load(this.#words, hashesOffset / 8 + HASH_WORDS * number + word);
      if (Atomics.load(this.#half, from / 4) === before)
        return this.#decode(number, new DataView(copy.buffer));
    }
    if (this.#before(number, copy)) return this.#decode(number, new DataView(copy.buffer));
    throw new VriftError("EBUSY", "an entry is being changed, or the writer ended in the middle of it");
  }

  /** Copies what an entry in the middle of a change in place said before: `vrift_undo` of index_reader.h. */
  #before(number: number, copy: BigUint64Array): boolean {
    const seqAt = (this.#limits.entriesOffset + number * indexEntry.size) / 4;
    const seq = Atomics.load(this.#half, seqAt);
    const of = (BigInt(number) << 32n) | BigInt(seq - 1);
    if ((seq & 1) === 0 || Atomics.load(this.#words, UNDO) !== of) return false;
    for (let word = 0; word < copy.length; word += 1) copy[word] = Atomics.load(this.#words, UNDO + 1 + word);
    return Atomics.load(this.#half, seqAt) === seq && Atomics.load(this.#words, UNDO) === of;
  }

  #decode(number: number, view: DataView<ArrayBuffer>): IndexEntry {
    const keyLength = view.getUint16(at("key_length"), true);
    const keyOffset = view.getUint32(at("inline_key"), true);
    const nameLength = view.getUint16(at("name_length"), true);
    const inline = keyLength <= Number(constants.INLINE_KEY_SIZE);
    if ((!inline && keyOffset + keyLength > this.#limits.keysSize) || nameLength > keyLength) {
      throw new VriftError("VRIFT_DAMAGED", "the index has a key outside its pool");
    }
    const key = inline
      ? Buffer.from(view.buffer, at("inline_key"), keyLength)
      : Buffer.from(this.#buffer, this.#limits.keysOffset + keyOffset, keyLength);
    return {
      number,
      key: key.toString(),
      name: key.toString("utf8", keyLength - nameLength),
      parent: view.getUint32(at("parent"), true),
      flags: view.getUint32(at("seq"), true) === 0 ? FREE : view.getUint16(at("flags"), true),
      mode: view.getUint16(at("mode"), true),
      size: view.getBigUint64(at("size"), true),
      mtimeNs: view.getBigInt64(at("mtime_ns"), true),
      ctimeNs: view.getBigInt64(at("ctime_ns"), true),
      ino: view.getBigUint64(at("ino"), true),
      blocks: view.getUint32(at("blocks"), true),
      hash: Buffer.from(view.buffer, indexEntry.size, 8 * HASH_WORDS),
    };
  }
}

/** The 16 bits of a key's hash that its place shows. */
export function tagOf(hash: bigint): number {
  const tag = Number(hash & 0xffffn);
  return tag < TAG_FIRST ? tag + TAG_FIRST : tag;
}

/** Groups in the order in which a key is looked for: its two, then those behind the first. */
export function* probeGroups(hash: bigint, groups: number): Generator<number> {
  const scaled = (bits: bigint): number => Number(((bits & 0xffff_ffffn) * BigInt(groups)) >> 32n);
  const first = scaled(hash >> 32n);
  yield first;
  yield scaled(hash >> 16n);
  for (let further = 1; further < groups; further += 1) yield (first + further) % groups;
}
