/** Hash of what a physical name holds, with the stamp it belongs to. */
import { closeSync, constants, fstatSync, openSync, readlinkSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import { VriftError } from "../platform/errors.js";
import { isErrno, readFully } from "../platform/files.js";
import { ContentHasher, hashBytes } from "../platform/hash.js";
import type { PhysicalName } from "./physical.js";
import { lookPhysical } from "./physical.js";

/** A change within one tick of the kernel's clock does not move a stamp: a hash this young is not remembered. */
const RACY_NS = 20_000_000n;
const ATTEMPTS = 3;
const CHUNK = 1 << 20;
/** The event loop gets a turn after so many chunks. */
const TURN_CHUNKS = 16;

export interface HashedContent {
  readonly hash: Uint8Array;
  /** The name as it was before and after reading. */
  readonly physical: PhysicalName;
  /** False: a change could hide behind the same stamp; hash again next time. */
  readonly settled: boolean;
}

/** A regular file or a symbolic link at an absolute path. ENOENT when it is gone, EBUSY when it does not hold still. */
export async function hashContent(path: string): Promise<HashedContent> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const before = lookPhysical(path);
    if (before === undefined) throw new VriftError("ENOENT", `${path} is not there any more`);
    const startNs = BigInt(Date.now()) * 1_000_000n;
    const hash = before.type === "symlink" ? hashBytes(readTarget(path)) : await hashFileAt(path, before);
    const after = lookPhysical(path);
    if (hash === undefined || after === undefined || !sameState(before, after)) continue;
    const youngest = before.ctimeNs > before.mtimeNs ? before.ctimeNs : before.mtimeNs;
    return { hash, physical: after, settled: startNs - youngest >= RACY_NS };
  }
  throw new VriftError("EBUSY", `${path} changes while it is read`);
}

/** The bytes of a link's target. */
export function readTarget(path: string): Buffer {
  return readlinkSync(path, "buffer");
}

function sameState(a: PhysicalName, b: PhysicalName): boolean {
  return a.ino === b.ino && a.ctimeNs === b.ctimeNs && a.mtimeNs === b.mtimeNs && a.size === b.size;
}

/** `undefined` when another file has taken the name. */
async function hashFileAt(path: string, expected: PhysicalName): Promise<Buffer | undefined> {
  const fd = openUnnoticed(path);
  try {
    if (fstatSync(fd, { bigint: true }).ino !== expected.ino) return undefined;
    const hasher = new ContentHasher();
    const chunk = Buffer.allocUnsafe(Number(expected.size < CHUNK ? expected.size + 1n : BigInt(CHUNK)));
    for (let position = 0, turn = 1; ; turn++) {
      const count = readFully(fd, chunk, position);
      hasher.update(chunk.subarray(0, count));
      position += count;
      if (count < chunk.length) return hasher.digest();
      if (turn % TURN_CHUNKS === 0) await nextTurn();
    }
  } finally {
    closeSync(fd);
  }
}

/** Without moving the access time, which is the user's; only an owner may ask for that. */
function openUnnoticed(path: string): number {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  try {
    return openSync(path, flags | constants.O_NOATIME);
  } catch (error) {
    if (!isErrno(error, "EPERM")) throw error;
    return openSync(path, flags);
  }
}
