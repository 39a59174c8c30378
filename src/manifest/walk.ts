/** Keys to entries and back: `find` and `entries` over any table of (parent, name). */
import { type EntryId, type ManifestRecord, ROOT_ID, ROOT_PARENT } from "./manifest.js";
import { isDirectory } from "./plan.js";

export interface EntryTable {
  get(parent: EntryId, name: string): ManifestRecord | undefined;
  /** In byte order, after `after` when it is given. */
  children(parent: EntryId, after?: string): Iterable<readonly [name: string, record: ManifestRecord]>;
}

/** Directories whose ids are remembered: more than one build's working set, at most a few megabytes. */
const CACHED_DIRECTORIES = 16_384;

/** Looks keys up, remembering the ids of directories. */
export class KeyFinder {
  readonly #table: EntryTable;
  readonly #directories = new Map<string, EntryId>();

  constructor(table: EntryTable) {
    this.#table = table;
  }

  find(key: string): ManifestRecord | undefined {
    if (key === "") return this.#table.get(ROOT_PARENT, "");
    const slash = key.lastIndexOf("/");
    const parent = slash < 0 ? ROOT_ID : this.directoryId(key.slice(0, slash));
    return parent === undefined ? undefined : this.#table.get(parent, key.slice(slash + 1));
  }

  directoryId(key: string): EntryId | undefined {
    if (key === "") return ROOT_ID;
    const known = this.#directories.get(key);
    if (known !== undefined) return known;
    const record = this.find(key);
    if (!record || !isDirectory(record)) return undefined;
    if (this.#directories.size >= CACHED_DIRECTORIES) {
      for (const oldest of this.#directories.keys()) {
        this.#directories.delete(oldest);
        break;
      }
    }
    this.#directories.set(key, record.id);
    return record.id;
  }

  /** A directory went or moved: ids below it are no longer where they were. */
  forget(): void {
    this.#directories.clear();
  }
}

interface Frame {
  /** Key of the directory and a slash; empty for the root. */
  readonly prefix: string;
  readonly children: Iterator<readonly [string, ManifestRecord]>;
}

/** Parents before children, siblings in byte order; what comes after `after`, which need not exist any more. */
export function* walkEntries(
  table: EntryTable,
  finder: KeyFinder,
  after: string | undefined,
): Iterable<readonly [key: string, record: ManifestRecord]> {
  if (after === undefined) {
    const root = table.get(ROOT_PARENT, "");
    if (root) yield ["", root];
  }
  const stack = framesAfter(table, finder, after ?? "");
  for (let frame = stack.at(-1); frame; frame = stack.at(-1)) {
    const next = frame.children.next();
    if (next.done) {
      stack.pop();
      continue;
    }
    const [name, record] = next.value;
    const key = frame.prefix + name;
    yield [key, record];
    if (isDirectory(record)) stack.push(frameOf(table, record.id, `${key}/`));
  }
}

/** The walk as it stands when it has just given `key`: on each level the siblings after the component that leads there. */
function framesAfter(table: EntryTable, finder: KeyFinder, key: string): Frame[] {
  const frames: Frame[] = [];
  let prefix = "";
  for (const name of key === "" ? [] : key.split("/")) {
    const id = finder.directoryId(prefix.slice(0, -1));
    if (id === undefined) return frames;
    frames.push(frameOf(table, id, prefix, name));
    prefix += `${name}/`;
  }
  const id = finder.directoryId(prefix.slice(0, -1));
  if (id !== undefined) frames.push(frameOf(table, id, prefix));
  return frames;
}

function frameOf(table: EntryTable, id: EntryId, prefix: string, after?: string): Frame {
  return { prefix, children: table.children(id, after)[Symbol.iterator]() };
}
