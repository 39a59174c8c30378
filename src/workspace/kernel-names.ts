/** Which physical names are left to the kernel altogether: in the index as stubs, with all that is below them, not in the manifest. */
import { resolve, sep } from "node:path";
import { NAME_MAX, PATH_MAX } from "../platform/limits.js";
import type { Home } from "../platform/paths.js";
import type { PhysicalName } from "./physical.js";
import { nameOf } from "./physical.js";
import type { PolicyOwner } from "./policy.js";
import { isOpaque, isSecret } from "./policy.js";

/** `foreign`: further keys of this workspace that are not its own, such as a home inside the root. */
export function isKernelName(
  key: string,
  physical: Pick<PhysicalName, "type" | "uid" | "dev">,
  owner: PolicyOwner,
  foreign: ReadonlySet<string>,
): boolean {
  if (isOpaque(key) || foreign.has(key) || physical.type === "special") return true;
  if (physical.uid !== owner.uid || physical.dev !== owner.dev) return true;
  return physical.type === "file" && isSecret(nameOf(key));
}

/** A key the manifest and the index can hold. */
export function isStorable(root: string, key: string): boolean {
  return (
    Buffer.byteLength(root) + 1 + Buffer.byteLength(key) <= PATH_MAX &&
    Buffer.byteLength(nameOf(key)) <= NAME_MAX
  );
}

/** Our own home inside the project (a home in a test directory, a store on the project's disk) is not part of it. */
export function foreignKeys(home: Home, root: string): Set<string> {
  const prefix = root + sep;
  const inside = [home.root, home.source]
    .map((path) => resolve(path))
    .filter((path) => path.startsWith(prefix));
  return new Set(inside.map((path) => path.slice(prefix.length)));
}
