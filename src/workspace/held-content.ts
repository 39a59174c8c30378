/**
 * The roots name what the manifest names, and not much more (docs/store.md, "Roots"). At open what is missing is added. From
 * then on they grow with every new content; the list is rewritten when it is much longer than need be, and before a sweep,
 * for which every name counts that nobody needs any more.
 */
import { hasDamagedJournal } from "../manifest/journal-recovery.js";
import type { ManifestRecord } from "../manifest/manifest.js";
import { HASHED, isVirtual } from "./records.js";
import type { Tree } from "./tree.js";

/** The list is too long when it is longer than twice what entries name, and by more than this: 128 KiB. */
const SPARE = 4096;

/** Of an entry, in the manifest or in an index that says the same. */
type Naming = Pick<ManifestRecord, "flags" | "size" | "hash">;

/** What is known of a workspace's roots besides themselves. */
export interface Held {
  /** Entries that name content; several may name the same. */
  naming: number;
  /** When the list was exact: of this length, with the manifest at this change. */
  exact: { readonly size: number; readonly sequence: bigint } | undefined;
}

export function namesContent({ flags, size }: Pick<Naming, "flags" | "size">): boolean {
  return (flags & HASHED) !== 0 && size > 0n;
}

export function areRootsLong({ roots, held }: Tree): boolean {
  return roots.size > 2 * held.naming + SPARE;
}

/**
 * Rewrites the list when it may name what no entry does. In a turn of the workspace: no entry changes meanwhile, and whatever a
 * mutation names in its turn is in an entry when the turn is over. False: a damaged journal is there, and entries that a
 * person may yet get out of it need their content.
 */
export async function tidyRoots(tree: Tree): Promise<boolean> {
  const { roots, manifest, held, paths, log, root } = tree;
  if (held.exact?.size === roots.size && held.exact.sequence === manifest.sequence) return true;
  if (hasDamagedJournal(paths.db)) return false;
  // An entry that has ended in the journal only could come back after a power cut.
  await manifest.sync();
  const before = roots.size;
  const naming = { count: 0 };
  await roots.replace(contentOf(tree, naming), held.naming);
  held.naming = naming.count;
  held.exact = { size: roots.size, sequence: manifest.sequence };
  log.info("rewrote the roots", { root, before, after: roots.size });
  return true;
}

function* contentOf({ manifest }: Tree, naming: { count: number }): Generator<Uint8Array> {
  for (const [, record] of manifest.entries()) {
    if (!namesContent(record)) continue;
    naming.count++;
    yield record.hash;
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

  /** Once for every entry. */
  take(entry: Naming): void {
    if (!namesContent(entry)) return;
    this.#tree.held.naming++;
    // Of backed entries the content is in the tree.
    if (isVirtual(entry) && !this.#tree.roots.has(entry.hash)) this.#missing.push(Buffer.from(entry.hash));
  }

  async settle(): Promise<void> {
    const { roots, log, root } = this.#tree;
    if (this.#missing.length > 0) log.warn("content was not held", { root, missing: this.#missing.length });
    await roots.add(this.#missing);
    if (areRootsLong(this.#tree)) await tidyRoots(this.#tree);
  }
}
