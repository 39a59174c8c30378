/**
 * The roots name what the manifest names, and not much more (docs/store.md, "Roots"). At open what is missing is added. From
 * then on they grow with every new content; the list is rewritten when it is much longer than need be, and before a sweep,
 * for which every name counts that nobody needs any more.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { hasDamagedJournal } from "../manifest/journal-recovery.js";
import type { ManifestRecord } from "../manifest/manifest.js";
import { VriftError } from "../platform/errors.js";
import { HASHED, isVirtual } from "./records.js";
import type { Tree } from "./tree.js";

/** The list is too long when a fifth of it is not named by entries, and that is more than this: 128 KiB. */
const SPARE = 4096;
/** Unrest while the entries are walked: begun again so often, then the list stays. */
const ATTEMPTS = 10;

/** Of an entry, in the manifest or in an index that says the same. */
type Naming = Pick<ManifestRecord, "flags" | "size" | "hash">;

/** What is known of a workspace's roots besides themselves. */
export interface Held {
  /** Entries that name content; several may name the same. */
  naming: number;
  /** When the list was exact: of this length, with the manifest at this change. */
  exact: { readonly size: number; readonly sequence: bigint } | undefined;
  /**
   * Directories that have moved, and changes that were refused and taken back. Whoever walks the entries meanwhile may have missed
   * what is below the directory, or what had been removed for a moment.
   */
  unrest: number;
}

export function namesContent({ flags, size }: Pick<Naming, "flags" | "size">): boolean {
  return (flags & HASHED) !== 0 && size > 0n;
}

export function areRootsLong({ roots, held }: Tree): boolean {
  return roots.size > held.naming + held.naming / 4 + SPARE;
}

/**
 * Rewrites the list when it may name what no entry does; mutations go on. An entry that is there when the new list gets its name was
 * seen, or was put since, and `commit` adds what it puts (tree.ts); or there was unrest, and then it is done again.
 * @param begin calls what it is given between two mutations, and resolves with it: what a mutation names when it begins and uses when
 *   it ends must not be left out by a list that was begun, and got its name, in between. @param isClosed ends it.
 * @returns false: a damaged journal is there, and entries that a person may yet get out of it need their content.
 */
export async function tidyRoots(
  tree: Tree,
  begin: (work: () => Promise<void>) => Promise<void>,
  isClosed: () => boolean = () => false,
): Promise<boolean> {
  const { roots, manifest, held, paths, log, root } = tree;
  for (let attempt = 1; ; attempt++) {
    if (held.exact?.size === roots.size && held.exact.sequence === manifest.sequence) return true;
    if (hasDamagedJournal(paths.db)) return false;
    let { sequence } = manifest;
    let { unrest } = held;
    const before = roots.size;
    const ready = async (): Promise<void> => {
      // An entry that has ended in the journal only could come back after a power cut; one whose end is not journaled, at once.
      await manifest.sync();
      await nextTurn(); // whoever made a change has heard what came of it
      if (held.unrest !== unrest) throw new VriftError("EBUSY", `entries of ${root} do not hold still`);
    };
    try {
      await begin(() => {
        ({ sequence } = manifest);
        ({ unrest } = held);
        return roots.replace(contentOf(tree, isClosed), held.naming, ready);
      });
    } catch (error) {
      if (held.unrest !== unrest && attempt < ATTEMPTS) continue;
      throw error;
    }
    tree.index?.setHeld(roots.size);
    held.exact = { size: roots.size, sequence };
    log.info("rewrote the roots", { root, before, after: roots.size });
    return true;
  }
}

function* contentOf({ manifest, root }: Tree, isClosed: () => boolean): Generator<Uint8Array> {
  for (const [, record] of manifest.entries()) {
    if (isClosed()) throw new VriftError("ECONNRESET", `the workspace ${root} is being closed`);
    if (namesContent(record)) yield record.hash;
  }
}

/** At open, before anything changes. */
export class HeldContent {
  readonly #tree: Tree;
  /** Not in the roots: somebody lost the list, or put an older one back. */
  readonly #missing: Uint8Array[] = [];

  constructor(tree: Tree) {
    this.#tree = tree;
  }

  /** @param held how many hashes the roots had when they named everything. Somebody who loses the list, or puts an older one back, has fewer. */
  isAsExpected(held: number): boolean {
    return held > 0 && this.#tree.roots.size >= held && !areRootsLong(this.#tree);
  }

  /** Once for every entry. */
  take(entry: Naming): void {
    if (!namesContent(entry)) return;
    // Of backed entries the content is in the tree.
    if (isVirtual(entry) && !this.#tree.roots.has(entry.hash)) this.#missing.push(Buffer.from(entry.hash));
  }

  async settle(): Promise<void> {
    const { roots, log, root } = this.#tree;
    if (this.#missing.length > 0) log.warn("content was not held", { root, missing: this.#missing.length });
    await roots.add(this.#missing);
    if (areRootsLong(this.#tree)) await tidyRoots(this.#tree, (work) => work());
  }
}
