/**
 * The locks under which programs make their first change to a virtual name (docs/ARCHITECTURE.md, "One write"): byte
 * `hash % 4096` of `run/<id>/stripes`. Who holds a key's stripe knows that nobody is making it physical or whiting it out.
 * They are held for moments only: programs wait for them.
 */
import { closeSync, constants as fs, openSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { VriftError } from "../platform/errors.js";
import { native } from "../platform/native.js";
import { STRIPES_SIZE } from "../vdir/marks.js";
import type { Tree } from "./tree.js";

/** A program holds a stripe while it copies one file; one that holds it for longer is stopped, or copies a very large one. */
const PATIENCE_MS = 2000;

/** Runs `work` while nobody can begin to change these keys; EBUSY when somebody does not come to an end with one. */
export async function withStripes<T>(
  tree: Pick<Tree, "kind" | "paths">,
  keys: readonly string[] | "all",
  work: () => Promise<T>,
): Promise<T> {
  // Nothing is virtual in a solid workspace.
  if (tree.kind === "solid") return work();
  const fd = openStripes(tree);
  try {
    const wanted =
      keys === "all" ? Array.from({ length: STRIPES_SIZE }, (_, byte) => byte) : keys.map(stripeOf);
    await lockAll(fd, new Set(wanted), keys === "all" ? "the workspace" : keys.join(" or "));
    return await work();
  } finally {
    closeSync(fd);
  }
}

/** Calls `look` for those of the keys that nobody is changing for the first time right now, and meanwhile nobody can. */
export function whileQuiet(
  tree: Pick<Tree, "paths">,
  keys: readonly string[],
  look: (key: string) => void,
): void {
  const fd = openStripes(tree);
  try {
    for (const key of keys) if (native.tryLockByte(fd, stripeOf(key))) look(key);
  } finally {
    closeSync(fd);
  }
}

async function lockAll(fd: number, wanted: Set<number>, what: string): Promise<void> {
  const patience = performance.now() + PATIENCE_MS;
  for (;;) {
    for (const byte of wanted) if (native.tryLockByte(fd, byte)) wanted.delete(byte);
    if (wanted.size === 0) return;
    if (performance.now() > patience)
      throw new VriftError("EBUSY", `a program does not come to an end with its change to ${what}`);
    await sleep(1);
  }
}

function openStripes(tree: Pick<Tree, "paths">): number {
  return openSync(join(tree.paths.run, "stripes"), fs.O_RDWR | fs.O_NOFOLLOW);
}

function stripeOf(key: string): number {
  return Number(native.pathHash(Buffer.from(key)) % BigInt(STRIPES_SIZE));
}
