/** What may be the root of a workspace. */
import { statSync } from "node:fs";
import { sep } from "node:path";
import { VriftError } from "../platform/errors.js";
import type { Home } from "../platform/paths.js";

/** @throws VriftError for what cannot be a workspace. */
export function checkRoot(root: string, home: Home): void {
  if (root === "/") throw new VriftError("EINVAL", "/ cannot be a workspace");
  if (!statSync(root).isDirectory()) throw new VriftError("ENOTDIR", `${root} is not a directory`);
  for (const own of [home.root, home.source]) {
    if (root === own || root.startsWith(own + sep))
      throw new VriftError("EINVAL", `${root} belongs to vrift itself`);
  }
}
