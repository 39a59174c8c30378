/** Which physical names are left to the kernel altogether: in the index as stubs, with all that is below them, not in the manifest. */
import { resolve, sep } from "node:path";
import { NAME_MAX, PATH_MAX } from "../platform/limits.js";
import type { Home } from "../platform/paths.js";
import type { IgnoreRules } from "./ignore-rules.js";
import type { PhysicalName } from "./physical.js";
import { nameOf } from "./physical.js";
import type { PolicyOwner } from "./policy.js";
import { isOpaque, isSecret } from "./policy.js";

/** What is left to the kernel besides what the policy says. */
export interface ForeignNames {
  /** Our own home, when it is inside. */
  readonly keys: ReadonlySet<string>;
  /** Of a solid tree: `.vriftignore`. */
  readonly rules?: IgnoreRules | undefined;
}

export function isKernelName(
  key: string,
  physical: Pick<PhysicalName, "type" | "uid" | "dev">,
  owner: PolicyOwner,
  foreign: ForeignNames,
): boolean {
  if (isOpaque(key) || foreign.keys.has(key) || physical.type === "special") return true;
  if (foreign.rules?.ignores(key, physical.type === "dir") === true) return true;
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
export function foreignNames(home: Home, root: string): ForeignNames {
  const prefix = root + sep;
  const inside = [home.root, home.source]
    .map((path) => resolve(path))
    .filter((path) => path.startsWith(prefix));
  return { keys: new Set(inside.map((path) => path.slice(prefix.length))) };
}
