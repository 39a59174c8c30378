/** What the entries of an index file name in the store, without a look at their keys. For the writer, while it changes nothing. */
import { offsetsOf } from "./fields.js";
import { readHeader } from "./index-header.js";
import { constants, indexEntry } from "./layout.js";

export interface NamedContent {
  readonly flags: number;
  readonly size: bigint;
  /** 32 bytes of the file itself: copy what is to stay. */
  readonly hash: Uint8Array;
}

const HASH_SIZE = 32;
const at = offsetsOf(indexEntry);
const [FREE, HASHED] = [Number(constants.ENTRY_FREE), Number(constants.ENTRY_HASHED)];

/** Of every entry with ENTRY_HASHED, in no particular order. */
export function* contentOfIndex(buffer: ArrayBuffer): Generator<NamedContent> {
  const { entriesOffset, hashesOffset, entryCapacity } = readHeader(buffer);
  const view = new DataView(buffer, entriesOffset, entryCapacity * indexEntry.size);
  for (let number = 0; number < entryCapacity; number++) {
    const start = number * indexEntry.size;
    const flags = view.getUint16(start + at("flags"), true);
    if ((flags & (FREE | HASHED)) !== HASHED) continue;
    const size = view.getBigUint64(start + at("size"), true);
    yield { flags, size, hash: new Uint8Array(buffer, hashesOffset + number * HASH_SIZE, HASH_SIZE) };
  }
}
