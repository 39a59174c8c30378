/** Copies the content of one open file into another: reflink where the file system shares extents, else bytes. */
import { fstatSync, ftruncateSync } from "node:fs";
import { writeAll } from "../platform/files.js";
import { native } from "../platform/native.js";
import { hashFile } from "./hash-file.js";

export type FillMethod = "reflink" | "copy";

export interface Filled {
  readonly method: FillMethod;
  /** Hash and length of what was copied; undefined for a reflink, which reads nothing. */
  readonly hash: Buffer | undefined;
  readonly size: bigint;
}

/** `to` is new and empty. */
export async function fillFile(to: number, from: number): Promise<Filled> {
  if (native.reflink(to, from)) {
    return { method: "reflink", hash: undefined, size: fstatSync(to, { bigint: true }).size };
  }
  const { blocks, size } = fstatSync(from);
  const write = blocks * 512 < size ? writeSparse : writeAll;
  const copied = await hashFile(from, (bytes, position) => {
    write(to, bytes, position);
  });
  ftruncateSync(to, Number(copied.size));
  return { method: "copy", ...copied };
}

/** Where a file with holes has nothing but zeros, its copy has a hole. */
const HOLE = Buffer.alloc(64 << 10);

function writeSparse(to: number, bytes: Buffer, position: number): void {
  for (let at = 0; at < bytes.length; at += HOLE.length) {
    const part = bytes.subarray(at, at + HOLE.length);
    if (!part.equals(part.length === HOLE.length ? HOLE : HOLE.subarray(0, part.length)))
      writeAll(to, part, position + at);
  }
}
