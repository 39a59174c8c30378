/**
 * Files that were committed in the source of a clone are virtual in the clone: ten workspaces have their content once, and nothing of it
 * is read or copied.
 */
import { closeSync, openSync, constants } from "node:fs";
import { join } from "node:path";
import { isErrno, readFully, unlinkIfPresent } from "../platform/files.js";
import { hashToHex } from "../platform/hash.js";
import type { ScanEntry } from "../platform/scan.js";
import { isElf } from "../workspace/policy.js";
import type { AdoptEntry } from "../workspace/workspace.js";
import { chooseCandidates } from "./candidates.js";
import type { TreeContext } from "./context.js";
import { KnownContent } from "./known-content.js";

const PAGE = 2000;

/** Keys that are virtual in `dst` now. The others are to be copied. @param scan of the source, after its last comparison. */
export async function shareCommitted(
  src: string,
  dst: string,
  scan: readonly ScanEntry[],
  { access, store }: TreeContext,
): Promise<ReadonlySet<string>> {
  const known = new KnownContent((await access.open(src)).index);
  const shared = new Set<string>();
  const lease = store.lease();
  try {
    const entries: AdoptEntry[] = [];
    for (const file of chooseCandidates(src, scan, () => undefined)) {
      const hash = known.hashOf(file);
      if (hash === undefined) continue;
      lease.add(hash); // named first, looked for afterwards
      if (store.statBlob({ hash, size: file.size })?.sealed !== true || looksElf(join(src, file.key)))
        continue;
      entries.push(adoptEntry(file, hash));
    }
    for (let start = 0; start < entries.length; start += PAGE) {
      const page = entries.slice(start, start + PAGE);
      for (const { path } of page) unlinkIfPresent(join(dst, path)); // of an interrupted clone
      const refused = new Set((await access.adopt(dst, page, "virtual")).map(({ path }) => path));
      for (const { path } of page) if (!refused.has(path)) shared.add(path);
    }
  } finally {
    lease.release();
  }
  return shared;
}

function adoptEntry({ key, size, mtimeNs, mode, blocks }: ScanEntry, hash: Buffer): AdoptEntry {
  return { path: key, hash: hashToHex(hash), size: String(size), mtimeNs: String(mtimeNs), mode, blocks };
}

/** True also for what cannot be looked at: then it is copied, or not, as ever. */
function looksElf(path: string): boolean {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR", "ELOOP", "ENXIO", "EACCES")) return true;
    throw error;
  }
  try {
    const head = Buffer.alloc(4);
    return isElf(head.subarray(0, readFully(fd, head, 0)));
  } finally {
    closeSync(fd);
  }
}
