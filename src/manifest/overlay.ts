/** Entries by (parent, name) in memory: what is journaled but not yet in LMDB, or (in the tests' manifest) everything. */
import { compareNames } from "./keys.js";
import type { EntryId, ManifestRecord } from "./manifest.js";

/** null: removed here. undefined: nothing is said here. */
export type OverlayValue = ManifestRecord | null;

export class Overlay {
  readonly #directories = new Map<EntryId, Map<string, OverlayValue>>();
  readonly meta = new Map<string, string>();
  #size = 0;

  /** Entries said something about. */
  get size(): number {
    return this.#size;
  }

  get isEmpty(): boolean {
    return this.#size === 0 && this.meta.size === 0;
  }

  get(parent: EntryId, name: string): OverlayValue | undefined {
    return this.#directories.get(parent)?.get(name);
  }

  set(parent: EntryId, name: string, value: OverlayValue): void {
    let names = this.#directories.get(parent);
    if (!names) this.#directories.set(parent, (names = new Map<string, OverlayValue>()));
    const before = names.size;
    names.set(name, value);
    this.#size += names.size - before;
  }

  delete(parent: EntryId, name: string): void {
    const names = this.#directories.get(parent);
    if (!names?.delete(name)) return;
    this.#size--;
    if (names.size === 0) this.#directories.delete(parent);
  }

  /** Names after `after` in a directory, removed ones included, not sorted. */
  *names(parent: EntryId, after: string | undefined): Iterable<string> {
    for (const name of this.#directories.get(parent)?.keys() ?? []) {
      if (after === undefined || compareNames(name, after) > 0) yield name;
    }
  }

  *[Symbol.iterator](): Iterator<readonly [EntryId, string, OverlayValue]> {
    for (const [parent, names] of this.#directories) {
      for (const [name, value] of names) yield [parent, name, value];
    }
  }

  /** Puts `older` below: what this one says nothing about is what `older` says. */
  underlay(older: Overlay): void {
    for (const [parent, name, value] of older) {
      if (this.get(parent, name) === undefined) this.set(parent, name, value);
    }
    for (const [name, value] of older.meta) if (!this.meta.has(name)) this.meta.set(name, value);
  }
}
