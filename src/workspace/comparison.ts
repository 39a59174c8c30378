/** One walk over manifest and tree: which entries change, by the table of states.ts. resync.ts has the order and the reasons. */
import { chmodSync, mkdirSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { EntryId, ManifestRecord } from "../manifest/manifest.js";
import { ROOT_ID, ROOT_PARENT } from "../manifest/manifest.js";
import { isErrno } from "../platform/files.js";
import type { ScanEntry } from "../platform/scan.js";
import type { PhysicalName } from "./physical.js";
import type { IndexWriter } from "../vdir/index-file.js";
import { constants } from "../vdir/layout.js";
import { lookPhysical, parentKey } from "./physical.js";
import { backedRecord, isDir, isVirtual } from "./records.js";
import { decide } from "./states.js";
import type { Change, Tree } from "./tree.js";
import type { TreeNames } from "./tree-names.js";
import { isWhitedOut } from "./whiteouts.js";

/** Entries looked at between two turns of the event loop. */
const YIELD_EVERY = 8192;

const KERNEL = Number(constants.ENTRY_KERNEL);

export class Comparison {
  readonly #tree: Tree;
  readonly #physical: TreeNames;
  readonly #whitedOut: ReadonlySet<string>;
  readonly #restore: boolean;
  /** In the order found: a directory before what is in it. Applied backwards. */
  readonly #removed: Change[] = [];
  readonly #put: Change[] = [];
  readonly #directories = new Map<string, EntryId>([["", ROOT_ID]]);
  /** Backed directories that are gone; those with a virtual entry below that stays are kept. */
  readonly #missing = new Map<string, { readonly change: Change; readonly record: ManifestRecord }>();
  /** Physical names that have an entry. (Of a phantom tree nearly all entries have no such name.) */
  readonly #known = new Set<string>();
  readonly report = { added: 0, removed: 0, becameBacked: 0 };
  /** Names that the project has no room for: left to the kernel. */
  overQuota = 0;
  /** Virtual entries whose adopted file still stands: somebody may have it open for writing. */
  readonly pending: string[] = [];
  /** Virtual entries that programs have removed. */
  readonly ended: string[] = [];

  constructor(tree: Tree, physical: TreeNames, whitedOut: ReadonlySet<string>, restore: boolean) {
    this.#tree = tree;
    this.#physical = physical;
    this.#whitedOut = whitedOut;
    this.#restore = restore;
  }

  async run(): Promise<void> {
    if (this.#tree.manifest.find("") === undefined) this.#root(undefined);
    for await (const [key, record] of this.#entries()) {
      if (key === "") this.#root(record);
      else this.#compare(key, record);
    }
    let seen = 0;
    for (const [key, entry] of this.#physical.names) {
      if (++seen % YIELD_EVERY === 0) await nextTurn();
      if (!this.#known.has(key)) this.#add(key, entry);
    }
  }

  /**
   * The entries that may be anything but right, a directory before what is in it. In a phantom tree nearly all are virtual files
   * with no file at their path, and right. The index, which says what the manifest says, tells the others at a hundredth of the
   * cost of a walk over everything.
   */
  #entries(): AsyncIterable<readonly [key: string, record: ManifestRecord]> {
    const { kind, index } = this.#tree;
    return kind === "phantom" && index?.isCurrent === true ? this.#suspects(index) : this.#all();
  }

  async *#all(): AsyncGenerator<readonly [string, ManifestRecord]> {
    let seen = 0;
    for (const entry of this.#tree.manifest.entries()) {
      if (++seen % YIELD_EVERY === 0) await nextTurn();
      yield entry;
    }
  }

  async *#suspects(index: IndexWriter): AsyncGenerator<readonly [string, ManifestRecord]> {
    const { manifest } = this.#tree;
    const { names, stubs } = this.#physical;
    const keys = new Set([...names.keys(), ...stubs.keys(), ...this.#whitedOut]);
    await index.survey(true, ({ flags, key }) => {
      if ((flags & KERNEL) === 0) keys.add(key);
    });
    /** Directories whose whole subtree was given. */
    const given = new Set<string>();
    let seen = 0;
    // A directory's key is the beginning of what is in it.
    for (const key of [...keys].sort()) {
      if (++seen % YIELD_EVERY === 0) await nextTurn();
      if (given.size > 0 && isBelowOne(given, key)) continue;
      const record = manifest.find(key);
      if (record === undefined) continue;
      yield [key, record];
      if (key === "" || !isDir(record)) continue;
      if (names.get(key)?.type === "dir" && !this.#whitedOut.has(key)) continue;
      given.add(key);
      for (const entry of manifest.entries(key)) {
        if (!entry[0].startsWith(`${key}/`)) break;
        if (++seen % YIELD_EVERY === 0) await nextTurn();
        yield entry;
      }
    }
  }

  changes(): Change[] {
    const missing = [...this.#missing.values()].map(({ change }) => change);
    const removed = [...this.#removed, ...missing].sort((a, b) => depth(b.key) - depth(a.key));
    this.report.removed += missing.length;
    return [...removed, ...this.#put];
  }

  #root(record: ManifestRecord | undefined): void {
    const physical = lookPhysical(this.#tree.root);
    if (physical === undefined || decide(record, physical, false) === "keep") return;
    this.#put.push({ parent: ROOT_PARENT, key: "", record: backedRecord(ROOT_ID, physical) });
  }

  #compare(key: string, record: ManifestRecord): void {
    const parent = this.#directories.get(parentKey(key));
    if (this.#physical.names.has(key)) this.#known.add(key);
    if (parent === undefined) return this.#belowNoDirectory(key, record);
    if (this.#unreadable(key)) {
      if (isDir(record)) this.#directories.set(key, record.id);
      return;
    }
    if (this.#physical.stubs.has(key)) return this.#remove(key, parent);
    const physical = this.#physical.names.get(key);
    if (isDir(record)) return this.#compareDirectory(key, parent, record, physical);
    switch (decide(record, physical, isWhitedOut(this.#whitedOut, key))) {
      case "keep":
        if (isVirtual(record)) this.#keepParents(key);
        return;
      case "pending":
        this.pending.push(key);
        return;
      case "remove":
        if (isVirtual(record)) this.ended.push(key);
        return this.#remove(key, parent);
      case "become-backed":
        this.report.becameBacked += 1;
        return this.#replace(key, parent, record, physical!);
      case "restamp":
        return this.#replace(key, parent, record, physical!);
      case "none":
      case "add":
        return; // there is a record
    }
  }

  #compareDirectory(
    key: string,
    parent: EntryId,
    record: ManifestRecord,
    physical: ScanEntry | undefined,
  ): void {
    if (physical !== undefined && physical.type !== "dir") {
      // What was below it follows with no directory and ends: here the file wins over all of it.
      this.#removed.push({ parent, key, record: undefined });
      this.report.removed += 1;
      this.#known.delete(key);
      return;
    }
    this.#directories.set(key, record.id);
    if (physical !== undefined) {
      if (decide(record, physical, false) !== "keep") this.#replace(key, parent, record, physical);
    } else {
      this.#missing.set(key, { change: { parent, key, record: undefined }, record });
    }
  }

  /** Its directory turned into something else, or became a name that only the kernel knows. */
  #belowNoDirectory(key: string, record: ManifestRecord): void {
    const parent = this.#tree.manifest.find(parentKey(key));
    if (parent === undefined) return;
    if (isVirtual(record))
      this.#tree.log.warn("a virtual entry ends with its directory", { root: this.#tree.root, key });
    this.#remove(key, parent.id);
  }

  /** Nothing is known of what is in a directory that could not be read: its entries stay as they are. */
  #unreadable(key: string): boolean {
    for (let parent = parentKey(key); parent !== ""; parent = parentKey(parent)) {
      const entry = this.#physical.names.get(parent);
      if (entry !== undefined) return entry.errno !== 0;
    }
    return false;
  }

  #keepParents(key: string): void {
    const path: string[] = [];
    for (let parent = parentKey(key); this.#missing.has(parent); parent = parentKey(parent))
      path.push(parent);
    for (const directory of path.reverse()) {
      const { change, record } = this.#missing.get(directory)!;
      this.#missing.delete(directory);
      this.#physical.incomplete.add(directory);
      if (!this.#restore) continue;
      const made = makeDirectoryAgain(`${this.#tree.root}/${directory}`, record.mode);
      if (made !== undefined) this.#put.push({ ...change, record: backedRecord(record.id, made) });
      this.#tree.log.warn("a removed directory holds virtual files and is made again", {
        root: this.#tree.root,
        key: directory,
      });
    }
  }

  #replace(key: string, parent: EntryId, record: ManifestRecord, physical: ScanEntry): void {
    if (physical.type === "dir") this.#directories.set(key, record.id);
    this.#put.push({ parent, key, record: backedRecord(record.id, physical) });
  }

  #remove(key: string, parent: EntryId): void {
    this.#removed.push({ parent, key, record: undefined });
    this.report.removed += 1;
  }

  #add(key: string, entry: ScanEntry): void {
    const parent = this.#directories.get(parentKey(key));
    if (parent === undefined) return;
    if (this.#tree.manifest.count() + this.report.added >= this.#tree.quota.entries) {
      this.overQuota += 1;
      this.#physical.incomplete.add(parentKey(key));
      return;
    }
    const id = this.#tree.manifest.nextId();
    if (entry.type === "dir") this.#directories.set(key, id);
    this.report.added += 1;
    this.#put.push({ parent, key, record: backedRecord(id, entry) });
  }
}

function isBelowOne(directories: ReadonlySet<string>, key: string): boolean {
  for (let parent = parentKey(key); parent !== ""; parent = parentKey(parent))
    if (directories.has(parent)) return true;
  return false;
}

function depth(key: string): number {
  let slashes = 0;
  for (let at = key.indexOf("/"); at >= 0; at = key.indexOf("/", at + 1)) slashes += 1;
  return slashes;
}

function makeDirectoryAgain(path: string, mode: number): PhysicalName | undefined {
  try {
    mkdirSync(path, mode);
    chmodSync(path, mode);
  } catch (error) {
    if (!isErrno(error, "EEXIST", "ENOENT", "ENOTDIR", "ELOOP")) throw error;
  }
  const made = lookPhysical(path);
  return made?.type === "dir" ? made : undefined;
}
