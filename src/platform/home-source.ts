/**
 * `<home>/source`: the store that the home's trees were made with, recorded when it is first used. A daemon that is started
 * again without VR_THE_SOURCE would otherwise find none of their content, and every read would be EIO.
 */
import { lstatSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { VriftError } from "./errors.js";
import { isErrno, namesIn, writeFileAtomic } from "./files.js";
import type { Home } from "./paths.js";

/** `home` with the configured store in it. @throws VriftError VRIFT_CONFIG naming both when its trees need another. */
export function assertOwnSource(home: Home): void {
  const recorded = recordedSource(home);
  if (recorded === undefined || isSameDirectory(recorded, home.source) || !hasTrees(home)) return;
  throw new VriftError(
    "VRIFT_CONFIG",
    `the trees of ${home.root} have their content in the store ${recorded}, and the configured store is ` +
      `${home.source}; set VR_THE_SOURCE, or \`source\` in ${home.configFile}, to the former`,
  );
}

/** Called by whoever opens the store for the home, which exists; `assertOwnSource` has passed. */
export function recordSource(home: Home): void {
  if (recordedSource(home) !== home.source)
    writeFileAtomic(recordFile(home), Buffer.from(`${home.source}\n`), { durable: true });
}

function recordFile(home: Home): string {
  return join(home.root, "source");
}

function recordedSource(home: Home): string | undefined {
  try {
    return readFileSync(recordFile(home), "utf8").replace(/\n$/, "") || undefined;
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR")) return undefined;
    throw error;
  }
}

/** Another name of the same place is no other store. */
function isSameDirectory(a: string, b: string): boolean {
  if (a === b) return true;
  const [one, other] = [a, b].map((path) => statSync(path, { bigint: true, throwIfNoEntry: false }));
  return one !== undefined && other !== undefined && one.dev === other.dev && one.ino === other.ino;
}

/**
 * Is there a workspace that lives from its content? A solid one has its files, and begins with any store. `workspace.json`
 * says which it is (src/workspace/known.ts); one that does not say counts.
 */
function hasTrees(home: Home): boolean {
  const db = join(home.root, "db");
  return namesIn(db).some((id) => /^[0-9a-f]{32}$/.test(id) && !isSolid(join(db, id)));
}

function isSolid(directory: string): boolean {
  const facts = join(directory, "workspace.json");
  if (lstatSync(facts, { throwIfNoEntry: false })?.isFile() !== true) return false;
  try {
    return (JSON.parse(readFileSync(facts, "utf8")) as { kind?: unknown }).kind === "solid";
  } catch {
    return false;
  }
}
