/**
 * The table of DESIGN section 4: what an entry, the name on disk and a whiteout mean together. Pure; resync, get and the
 * mutations all decide by it.
 */
import type { ManifestRecord } from "../manifest/manifest.js";
import type { PhysicalName } from "./physical.js";
import { describes, isVirtual } from "./records.js";

/**
 * `none`: nothing there, nothing to do. `keep`: the entry is right. `add`: a backed entry is missing. `remove`: the entry
 * ends. `become-backed`: the file won over the blob. `restamp`: the file changed, its hash is not known any more.
 * `pending`: virtual, and the adopted file itself still stands, untouched (records.ts): kept, but never trusted.
 */
export type Decision = "none" | "keep" | "add" | "remove" | "become-backed" | "restamp" | "pending";

/** @param whiteout counts for virtual entries only: of the name itself, or of a directory above it. */
export function decide(
  record: ManifestRecord | undefined,
  physical: PhysicalName | undefined,
  whiteout: boolean,
): Decision {
  if (record === undefined) return physical === undefined ? "none" : "add";
  if (isVirtual(record)) {
    if (physical !== undefined) return describes(record, physical) ? "pending" : "become-backed";
    return whiteout ? "remove" : "keep";
  }
  if (physical === undefined) return "remove";
  return describes(record, physical) ? "keep" : "restamp";
}
