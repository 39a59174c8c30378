/**
 * Which pages the trees of an LMDB file lead to. Its meta page counts the last page that was ever taken; one that was taken and
 * given back within the same transaction was not written, so that a sound file may be shorter than that. What matters is that
 * no page in use lies behind its end. Layout as in lmdb-file.ts; a page begins with
 *
 *   16 u16 pad · 18 u16 flags · 20 u16 lower, twice the number of nodes (of an overflow page: 20 u32 pages) · 24 u16 offset of each node
 *
 * and a node, at 24 + its offset, is u16 low · u16 high · u16 flags · u16 length of the key · the key · the value. Of a branch, low, high and flags
 * are the page it leads to.
 */
import { VriftError } from "../platform/errors.js";
import { readFully } from "../platform/files.js";

const HEADER = 24;
const NODE_HEADER = 8;
const BRANCH = 0x01;
const LEAF = 0x02;
const OVERFLOW = 0x04;
/** Of a leaf's node: its value is on overflow pages, the first of which it names. */
const BIG_VALUE = 0x01;
/** No page: an empty tree. */
const NONE = 0xffff_ffff_ffff_ffffn;

/**
 * True when all pages that `roots` lead to are among the first `count` ones. Reads each page in use.
 * @throws VriftError VRIFT_DAMAGED when one is not a page of a tree.
 */
export function allWithin(fd: number, pageSize: number, roots: readonly bigint[], count: bigint): boolean {
  const page = Buffer.alloc(pageSize);
  const left = roots.filter((root) => root !== NONE);
  for (let seen = 0n; left.length > 0; seen++) {
    const number = left.pop()!;
    if (number >= count) return false;
    // Pages of a sound file are met once.
    if (seen > count) throw damaged(number);
    readFully(fd, page, Number(number) * pageSize);
    const flags = page.readUInt16LE(18);
    if (flags & OVERFLOW) {
      if (number + BigInt(page.readUInt32LE(20)) > count) return false;
    } else if (flags & (BRANCH | LEAF)) left.push(...below(page, (flags & BRANCH) !== 0, number));
    else throw damaged(number);
  }
  return true;
}

function* below(page: Buffer, isBranch: boolean, number: bigint): Generator<bigint> {
  const nodes = page.readUInt16LE(20) >> 1;
  for (let i = 0; i < nodes; i++) {
    const pointer = HEADER + 2 * i;
    const at = pointer + 2 <= page.length ? HEADER + page.readUInt16LE(pointer) : page.length;
    if (at + NODE_HEADER > page.length) throw damaged(number);
    const flags = page.readUInt16LE(at + 4);
    if (isBranch) yield BigInt(page.readUInt32LE(at)) | (BigInt(flags) << 32n);
    else if (flags & BIG_VALUE) {
      const value = at + NODE_HEADER + page.readUInt16LE(at + 6);
      if (value + 8 > page.length) throw damaged(number);
      yield page.readBigUInt64LE(value);
    }
  }
}

function damaged(page: bigint): VriftError {
  return new VriftError("VRIFT_DAMAGED", `page ${page} of a manifest database is not one of a tree`);
}
