/** Makes what tests need of native/. Test files run at once: one makes it, the others wait and find it made. */
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";

const repository = join(import.meta.dirname, "..", "..");

/** Where the Makefile puts what it makes. */
export const madeFolder = join(repository, "build", "native");

/** What make said when it failed; undefined when all is made. Targets and variables as the Makefile has them. */
export function makeNative(words: readonly string[]): string | undefined {
  mkdirSync(madeFolder, { recursive: true });
  const make = ["make", "--silent", "--no-print-directory", "-C", join(repository, "native"), ...words];
  let ended = spawnSync("flock", [join(madeFolder, "making"), ...make], { encoding: "utf8" });
  // Without util-linux some of it is made twice: every product is renamed into its place.
  if (ended.error) ended = spawnSync(make[0]!, make.slice(1), { encoding: "utf8" });
  return ended.status === 0 ? undefined : `make ended with ${ended.status}: ${ended.stderr}`;
}
