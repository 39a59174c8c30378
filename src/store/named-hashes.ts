/**
 * What leases and roots name: everything that must stay. The other half of the argument is in import.ts: whoever is about
 * to need a blob *names it first and looks for it afterwards*. The sweep moves a blob out of the way first, and reads the
 * names after that, leases before roots. So for a blob X that somebody names while a sweep moves it:
 *
 *   - named (in a lease, or in roots) before `refresh` reads there: it is seen, and X is put back;
 *   - named after that, so looked for after X was moved: the look finds X in the trash and takes it back, or finds nothing,
 *     and says so or imports it again. Nobody has relied on it.
 *
 * Leases before roots, because work adds to its roots before it releases its lease: what has left the leases by the time
 * they are read is in the roots when those are read. A list is removed, or replaced by a shorter one, only after another
 * list names what moved (a solid workspace becomes phantom, a snapshot is kept of one that ends), or when nobody relies on what
 * it leaves out (docs/store.md, "Roots": an open workspace rewrites its own at any time). So lists read one after
 * the other would not do if one changed places behind our back; `refresh` starts again until no list came, went or was
 * replaced while it read. Additions need no such care: they are made under a lease, or looked for afterwards.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { VriftError } from "../platform/errors.js";
import { type StoreLayout, holdsContent } from "./blob-names.js";
import { HashSet } from "./hash-set.js";
import { LeaseReader } from "./leases.js";
import { RootsReader } from "./roots-reader.js";
import { damagedRoots } from "./roots.js";
import type { ContentHash } from "./store.js";
import type { Turns } from "./turns.js";

/** Each is lost only to a list that came, went or was replaced within milliseconds. */
const ATTEMPTS = 1_000;

export class NamedHashes {
  readonly #layout: StoreLayout;
  readonly #turns: Turns;
  readonly #lists = new Map<string, RootsReader>();
  /** Only grows: what a list named when this began is kept this time. */
  readonly #rooted = new HashSet();
  readonly #leases: LeaseReader;

  constructor(layout: StoreLayout, turns: Turns) {
    this.#layout = layout;
    this.#turns = turns;
    this.#leases = new LeaseReader(layout.leases);
  }

  has(hash: ContentHash): boolean {
    return this.#rooted.has(hash) || this.#leases.hashes.has(hash);
  }

  /** VRIFT_DAMAGED: a list cannot be read, so nothing may be deleted. */
  async refresh(): Promise<void> {
    this.#leases.refresh();
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) if (await this.#readLists()) return;
    throw new VriftError("EBUSY", `the lists in ${this.#layout.roots} keep being replaced`);
  }

  close(): void {
    for (const list of this.#lists.values()) list.close();
    this.#lists.clear();
  }

  /** False: something changed its place meanwhile. */
  async #readLists(): Promise<boolean> {
    const names = this.#names();
    const lists = names.flatMap((name) => this.#open(name) ?? []);
    // Not the sum: snapshots name much the same.
    this.#rooted.reserve(Math.max(this.#rooted.size, ...lists.map(({ more }) => more)));
    for (const list of lists) await list.read(this.#rooted, this.#turns);
    const after = this.#names();
    return (
      after.length === names.length && after.every((name) => this.#lists.get(name)?.isCurrent() === true)
    );
  }

  #names(): string[] {
    try {
      return readdirSync(this.#layout.roots).filter(holdsContent);
    } catch (error) {
      throw damagedRoots(this.#layout.roots, "cannot be listed", error);
    }
  }

  #open(name: string): RootsReader | undefined {
    const known = this.#lists.get(name);
    if (known?.isCurrent()) return known;
    known?.close();
    this.#lists.delete(name);
    const list = RootsReader.open(join(this.#layout.roots, name));
    if (list !== undefined) this.#lists.set(name, list);
    return list;
  }
}
