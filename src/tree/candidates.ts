/** Which names of a scanned tree may go into the store, and why the others stay: the policy, with what only the tree tells. */
import { statSync } from "node:fs";
import { join } from "node:path";
import { PROJECT_DIR } from "../platform/paths.js";
import type { ScanEntry } from "../platform/scan.js";
import { type PhysicalReason, type PolicyOwner, isOpenToOwner, staysPhysical } from "../workspace/policy.js";
import { parentKey } from "../workspace/physical.js";
import { innerWorkspaces, isBelow } from "./inner-workspaces.js";

/** Owner and device of a root, as the policy compares them. */
export function ownerOf(root: string): PolicyOwner {
  const { uid, gid, dev } = statSync(root, { bigint: true });
  return { uid: Number(uid), gid: Number(gid), dev };
}

/** @param stays hears of every other name but `.vrift`. */
export function chooseCandidates(
  root: string,
  scan: readonly ScanEntry[],
  stays: (reason: PhysicalReason) => void,
): ScanEntry[] {
  const owner = ownerOf(root);
  const inner = innerWorkspaces(root, scan);
  const closed = closedDirectories(root, scan);
  const reasonOf = (entry: ScanEntry): PhysicalReason | null => {
    if (entry.type !== "dir" && entry.errno !== 0) return "unreadable";
    if (isBelow(inner, entry.key)) return "workspace";
    return staysPhysical(entry, owner) ?? (closed.has(parentKey(entry.key)) ? "pinned" : null);
  };
  const seen = new Set<string>();
  return scan.filter((entry) => {
    if (entry.key === PROJECT_DIR) return false;

    const reason = reasonOf(entry);
    if (reason !== null) stays(reason);
    // A directory that is changed while it is read may give a name twice. Whoever moves files would take the second for one that
    // somebody else has removed.
    if (reason !== null || seen.has(entry.key)) return false;
    seen.add(entry.key);
    return true;
  });
}

/**
 * Directories in which their owner can make no names: a virtual file could not be written there, since its private copy
 * could not be put in place, though the plain one can. Also for root, who could: a tree means the same to everybody.
 */
function closedDirectories(root: string, scan: readonly ScanEntry[]): Set<string> {
  const closed = scan
    .filter(({ type, mode }) => type === "dir" && !isOpenToOwner(mode))
    .map(({ key }) => key);
  return new Set(isOpenToOwner(statSync(join(root)).mode) ? closed : [...closed, ""]);
}
