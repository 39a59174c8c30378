/** The manifest's contract in memory, for tests of what is built on it. Nothing survives. */
import { checkName, compareNames } from "./keys.js";
import { type Manifest, type ManifestMeta, type ManifestRecord, ROOT_ID } from "./manifest.js";
import { Overlay } from "./overlay.js";
import { planChanges } from "./plan.js";
import { type EntryTable, KeyFinder, walkEntries } from "./walk.js";

export function memoryManifest(): Manifest & ManifestMeta {
  const entries = new Overlay();
  let sequence = 0n;
  let count = 0;
  let nextId = ROOT_ID + 1n;

  const table: EntryTable = {
    get: (parent, name) => entries.get(parent, name) ?? undefined,
    *children(parent, after) {
      for (const name of [...entries.names(parent, after)].sort(compareNames)) {
        const record = table.get(parent, name);
        if (record) yield [name, record];
      }
    },
  };
  const finder = new KeyFinder(table);

  return {
    get sequence() {
      return sequence;
    },
    get: (parent, name) => table.get(parent, name),
    find: (key) => finder.find(key),
    children: (parent, after) => table.children(parent, after),
    entries: (after?: string): Iterable<readonly [string, ManifestRecord]> =>
      walkEntries(table, finder, after),
    count: () => count,
    nextId: () => nextId++,
    async apply(changes) {
      if (changes.length === 0) return;
      const plan = planChanges(changes, (parent, name) => table.get(parent, name));
      for (const { parent, name, value } of plan.edits) {
        if (value) entries.set(parent, name, value);
        else entries.delete(parent, name);
      }
      count += plan.countDelta;
      if (plan.highestId >= nextId) nextId = plan.highestId + 1n;
      if (plan.directoriesMoved) finder.forget();
      sequence++;
    },
    async sync() {},
    async close() {},
    getMeta: (name) => entries.meta.get(name),
    async setMeta(name, value) {
      checkName(name);
      entries.meta.set(name, value);
      sequence++;
    },
  };
}
