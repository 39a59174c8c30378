/**
 * Changes that are not in LMDB yet, in two layers: those a running commit is writing, and those planned since it began.
 * The newer layer speaks first.
 */
import { compareNames } from "./keys.js";
import type { EntryId } from "./manifest.js";
import { Overlay, type OverlayValue } from "./overlay.js";
import type { Edit } from "./plan.js";

export class Pending {
  #active = new Overlay();
  #committing: Overlay | undefined;

  /** Entries held in memory. */
  get size(): number {
    return this.#active.size + (this.#committing?.size ?? 0);
  }

  /** Nothing was planned since the last `freeze`. */
  get isEmpty(): boolean {
    return this.#active.isEmpty;
  }

  get(parent: EntryId, name: string): OverlayValue | undefined {
    const value = this.#active.get(parent, name);
    return value === undefined ? this.#committing?.get(parent, name) : value;
  }

  getMeta(name: string): string | undefined {
    return this.#active.meta.get(name) ?? this.#committing?.meta.get(name);
  }

  /** Names of a directory after `after`, removed ones included, in byte order. */
  names(parent: EntryId, after: string | undefined): string[] {
    const names = [...this.#active.names(parent, after)];
    if (this.#committing) {
      const known = new Set(names);
      for (const name of this.#committing.names(parent, after)) if (!known.has(name)) names.push(name);
    }
    return names.sort(compareNames);
  }

  /** Returns what takes the edits back; valid until the next `freeze`, later edits being taken back first. */
  edit(edits: readonly Edit[]): () => void {
    const active = this.#active;
    const before = edits.map(({ parent, name }) => active.get(parent, name));
    for (const { parent, name, value } of edits) active.set(parent, name, value);
    return () => {
      for (const [index, { parent, name }] of edits.entries()) {
        const value = before[index];
        if (value === undefined) active.delete(parent, name);
        else active.set(parent, name, value);
      }
    };
  }

  setMeta(name: string, value: string): () => void {
    const { meta } = this.#active;
    const before = meta.get(name);
    meta.set(name, value);
    return () => {
      if (before === undefined) meta.delete(name);
      else meta.set(name, before);
    };
  }

  /** All there is, while no commit is running. */
  get all(): Overlay {
    return this.#active;
  }

  /** A commit begins: what it has to write. */
  freeze(): Overlay {
    if (this.#committing) throw new Error("a commit is running");
    this.#committing = this.#active;
    this.#active = new Overlay();
    return this.#committing;
  }

  /** LMDB has what was frozen. */
  settle(): void {
    this.#committing = undefined;
  }

  /** The commit failed: the layers become one again. */
  thaw(): void {
    if (this.#committing) this.#active.underlay(this.#committing);
    this.#committing = undefined;
  }
}
