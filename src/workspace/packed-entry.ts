/** A manifest record's bytes as an index entry's, by the rules of toIndexValue (records.ts) and without the objects in between. */
import { recordFields as record } from "../manifest/record-codec.js";
import { offsetsOf } from "../vdir/fields.js";
import { fillRecord } from "../vdir/layout.js";
import { COMPLETE, DIR, S_IFDIR, S_IFLNK, S_IFREG, SYMLINK, VIRTUAL } from "./records.js";

const at = offsetsOf(fillRecord);
const [SIZE, INO, HASH, MODE, BLOCKS, FLAGS] = [
  at("size"),
  at("ino"),
  at("content_hash"),
  at("mode"),
  at("blocks"),
  at("flags"),
];
/** VIRTUAL_INODE_BASE, 2^52, in the upper half of a u64; identities are far below it. */
const VIRTUAL_BASE_HIGH = 1 << 20;

/** Writes everything but the key at `to` of `target`; a directory is taken to be complete. */
export function packEntry(from: Buffer, target: Buffer, to: number): void {
  const flags = from.readUInt16LE(record.flags);
  const isDir = (flags & DIR) !== 0;
  const stamped = from[record.stamped] === 1;
  from.copy(target, to + SIZE, record.size, record.size + 24);
  if (isDir && stamped) from.copy(target, to + SIZE, record.stampSize, record.stampSize + 8);
  if ((flags & VIRTUAL) !== 0) {
    target.writeUInt32LE(from.readUInt32LE(record.id), to + INO);
    target.writeUInt32LE(from.readUInt32LE(record.id + 4) + VIRTUAL_BASE_HIGH, to + INO + 4);
  } else if (stamped) from.copy(target, to + INO, record.stampIno, record.stampIno + 8);
  else target.fill(0, to + INO, to + INO + 8);
  from.copy(target, to + HASH, record.hash, record.hash + 32);
  const type = isDir ? S_IFDIR : (flags & SYMLINK) !== 0 ? S_IFLNK : S_IFREG;
  target.writeUInt32LE(type | from.readUInt32LE(record.mode), to + MODE);
  target.writeUInt32LE(from.readUInt32LE(record.blocks), to + BLOCKS);
  target.writeUInt16LE(isDir ? flags | COMPLETE : flags, to + FLAGS);
}
