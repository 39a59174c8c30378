/**
 * At open: the roots name what the manifest names, and not much more. They only grow while the workspace is open, because a
 * program may still read what an entry named a moment ago; here nobody else changes them.
 */
import { hasDamagedJournal } from "../manifest/journal-recovery.js";
import type { ManifestRecord } from "../manifest/manifest.js";
import { HASHED, isVirtual } from "./records.js";
import type { Tree } from "./tree.js";

/** The list is rewritten when it is longer than twice what entries name, and by more than this: 128 KiB. */
const SPARE = 4096;

/** Of an entry, in the manifest or in an index that says the same. */
type Naming = Pick<ManifestRecord, "flags" | "size" | "hash">;

export class HeldContent {
  readonly #tree: Tree;
  /** Not in the roots: somebody lost the list, or put an older one back. */
  readonly #missing: Uint8Array[] = [];
  #named = 0;

  constructor(tree: Tree) {
    this.#tree = tree;
  }

  /** Once for every entry. */
  take(entry: Naming): void {
    if (!namesContent(entry)) return;
    this.#named++;
    // Of backed entries the content is in the tree.
    if (isVirtual(entry) && !this.#tree.roots.has(entry.hash)) this.#missing.push(Buffer.from(entry.hash));
  }

  async settle(): Promise<void> {
    const { roots, manifest, paths, log, root } = this.#tree;
    if (this.#missing.length > 0) log.warn("content was not held", { root, missing: this.#missing.length });
    await roots.add(this.#missing);
    if (roots.size <= 2 * this.#named + SPARE) return;
    // Entries that a person may yet get out of a damaged journal need their content.
    if (hasDamagedJournal(paths.db)) return;
    // An entry that has ended in the journal only could come back after a power cut.
    await manifest.sync();
    await roots.replace(contentOf(this.#tree));
  }
}

function* contentOf({ manifest }: Tree): Generator<Uint8Array> {
  for (const [, record] of manifest.entries()) if (namesContent(record)) yield record.hash;
}

function namesContent({ flags, size }: Naming): boolean {
  return (flags & HASHED) !== 0 && size > 0n;
}
