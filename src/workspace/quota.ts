/** What one project may have of the machine, so that a client or a program in a loop does not take it all (src/platform/limits.ts). */
import { lstatSync } from "node:fs";
import { join } from "node:path";
import { VriftError } from "../platform/errors.js";
import { namesIn } from "../platform/files.js";
import { PROJECT_ENTRIES_MAX, STAGING_BYTES_MAX } from "../platform/limits.js";
import type { Tree } from "./tree.js";

export interface Quota {
  /** In manifest and index. */
  readonly entries: number;
  /** Of files in `.vrift/staging/`. */
  readonly stagingBytes: number;
}

export const DEFAULT_QUOTA: Quota = { entries: PROJECT_ENTRIES_MAX, stagingBytes: STAGING_BYTES_MAX };

/** EDQUOT when so many new entries are too many. */
export function assertRoomForEntries(
  { manifest, quota, root }: Pick<Tree, "manifest" | "quota" | "root">,
  more: number,
): void {
  const count = manifest.count() + more;
  if (more <= 0 || count <= quota.entries) return;
  const what = `${root} would have ${count} names, and project_entries is ${quota.entries}`;
  throw new VriftError("EDQUOT", `${what}; names that are no more than files of the tree need no room here`);
}

/** EDQUOT when a file of so many bytes is too much for staging, with what lies there. */
export function assertRoomInStaging(
  { kind, project, quota }: Pick<Tree, "kind" | "project" | "quota">,
  size: bigint,
): void {
  if (kind === "solid") return;
  let bytes = size;
  for (const name of namesIn(project.staging))
    bytes += lstatSync(join(project.staging, name), { bigint: true, throwIfNoEntry: false })?.size ?? 0n;
  if (bytes <= BigInt(quota.stagingBytes)) return;
  throw new VriftError(
    "EDQUOT",
    `${project.staging} would hold ${bytes} bytes, and staging_bytes is ${quota.stagingBytes}; remove what nobody hands over any more`,
  );
}
