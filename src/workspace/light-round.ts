/**
 * A round over what has moved, for solid trees: the order and the argument are resync.ts's, only that names whose mark has not moved since
 * it was published are not looked at. What is unusual is left to a full round, before anything was changed.
 */
import { VriftError } from "../platform/errors.js";
import { isErrno } from "../platform/files.js";
import { LIGHT_ROUND_MAX } from "../platform/limits.js";
import { scanTree } from "../platform/scan.js";
import type { ScanEntry } from "../platform/scan.js";
import type { EntryId, ManifestRecord } from "../manifest/manifest.js";
import type { IndexEntry } from "../vdir/index-reader.js";
import { constants } from "../vdir/layout.js";
import { IGNORE_FILE } from "./ignore-rules.js";
import { isKernelName, isStorable } from "./kernel-names.js";
import { lookAtKey, nameOf, parentKey } from "./physical.js";
import type { PhysicalName } from "./physical.js";
import { backedRecord, isDir } from "./records.js";
import { changesBelow } from "./refresh.js";
import { removeOrphanBeside } from "./staging.js";
import { decide } from "./states.js";
import type { Change, Tree } from "./tree.js";
import { commit, parentId } from "./tree.js";
import { endedUninjected, holdUninjected } from "./uninjected.js";
import type { ResyncReport } from "./workspace.js";

const KERNEL = Number(constants.ENTRY_KERNEL);
const DIR = Number(constants.ENTRY_DIR);

/** Not to be seen from here: a full round is needed. */
class Unusual extends Error {}

/** undefined: a full round is needed, and nothing was done. */
export async function lightRound(tree: Tree): Promise<ResyncReport | undefined> {
  const { index, watch } = tree;
  const isSure = (): boolean => watch.failure === undefined && index?.distrust === 0 && index.isCurrent;
  if (tree.kind !== "solid" || index === undefined || !isSure()) return undefined;
  const ended = endedUninjected(tree);
  await watch.drain();
  if (!isSure()) return undefined;
  const snapshot = tree.marks.snapshot();
  watch.renew(snapshot);
  const moved = index.unsettle(snapshot);
  if (moved.length > LIGHT_ROUND_MAX) return undefined;
  const round = new LightRound(tree);
  try {
    await round.look(index.entriesAt(moved));
  } catch (error) {
    if (error instanceof Unusual) return undefined;
    throw error;
  }
  if (!isSure()) return undefined;
  await commit(tree, round.changes());
  holdUninjected(snapshot, ended);
  index.publishSeen(snapshot);
  return round.report;
}

class LightRound {
  readonly #tree: Tree;
  readonly #removed: Change[] = [];
  readonly #put: Change[] = [];
  /** Of directories that are new in this round. */
  readonly #ids = new Map<string, EntryId>();
  readonly #gone = new Set<string>();
  /** Names only the kernel knows, by directory. */
  readonly #stubs = new Map<string, string[]>();
  readonly report = { added: 0, removed: 0, becameBacked: 0, whiteouts: 0 };

  constructor(tree: Tree) {
    this.#tree = tree;
    for (const key of tree.stubs.keys()) {
      const siblings = this.#stubs.get(parentKey(key));
      if (siblings === undefined) this.#stubs.set(parentKey(key), [key]);
      else siblings.push(key);
    }
  }

  /** @param moved every entry whose word has moved. */
  async look(moved: readonly IndexEntry[]): Promise<void> {
    if (moved.some(({ key }) => key === IGNORE_FILE)) throw new Unusual();
    const known = moved.filter(({ flags }) => (flags & KERNEL) === 0);
    const directories = known.filter(({ flags }) => (flags & DIR) !== 0).map(({ key }) => key);
    const listed = new Set(directories);
    // A directory's key is the beginning of what is in it.
    for (const key of directories.sort()) await this.#directory(key);
    for (const { key, flags } of known)
      if ((flags & DIR) === 0 && !listed.has(parentKey(key))) this.#file(key);
  }

  changes(): Change[] {
    return [...this.#removed, ...this.#put];
  }

  #isGone(key: string): boolean {
    for (let at = key; at !== ""; at = parentKey(at)) if (this.#gone.has(at)) return true;
    return false;
  }

  /** A file whose directory has not moved: it is still there. */
  #file(key: string): void {
    if (this.#isGone(key)) return;
    const record = this.#tree.manifest.find(key);
    const physical = lookAtKey(this.#tree.root, key);
    if (record === undefined || physical === undefined) throw new Unusual();
    this.#compare(key, parentId(this.#tree, key), record, physical);
  }

  #compare(key: string, parent: EntryId, record: ManifestRecord, physical: PhysicalName): void {
    const { owner, foreign } = this.#tree;
    if (isKernelName(key, physical, owner, foreign) || isDir(record) !== (physical.type === "dir"))
      throw new Unusual();
    if (decide(record, physical, false) === "keep") return;
    this.#put.push({ parent, key, record: backedRecord(record.id, physical) });
  }

  async #directory(key: string): Promise<void> {
    if (this.#isGone(key)) return;
    const { root, manifest, incomplete } = this.#tree;
    const record = manifest.find(key);
    const physical = lookAtKey(root, key);
    // It is gone, and the directory above it has moved, too; in a snapshot from between it has not yet.
    if (record === undefined || physical?.type !== "dir" || incomplete.has(key)) throw new Unusual();
    if (key !== "") this.#compare(key, parentId(this.#tree, key), record, physical);
    else if (decide(record, physical, false) !== "keep")
      this.#put.push({ parent: parentId(this.#tree, ""), key, record: backedRecord(record.id, physical) });

    const children = new Map(manifest.children(record.id));
    const listed = await this.#list(key, children);
    for (const entry of listed) this.#listed(entry, key, record.id, children);
    const present = new Set(listed.map((entry) => entry.key));
    for (const stub of this.#stubs.get(key) ?? []) if (!present.has(stub)) throw new Unusual();
    for (const [name, child] of children) {
      const childKey = below(key, name);
      if (!present.has(childKey)) this.#remove(childKey, record.id, child);
    }
  }

  #remove(key: string, parent: EntryId, record: ManifestRecord): void {
    if (key === IGNORE_FILE) throw new Unusual();
    if (isDir(record)) {
      for (const stub of this.#tree.stubs.keys()) if (stub.startsWith(`${key}/`)) throw new Unusual();
      this.#gone.add(key);
      this.#removed.push(...changesBelow(this.#tree, key, record));
    }
    this.#removed.push({ parent, key, record: undefined });
    this.report.removed += 1;
  }

  /** A name in the directory, or in one that is new below it. */
  #listed(
    entry: ScanEntry,
    directory: string,
    id: EntryId,
    children: ReadonlyMap<string, ManifestRecord>,
  ): void {
    const { root, owner, foreign, stubs } = this.#tree;
    const { key } = entry;
    if (key === IGNORE_FILE && !children.has(key)) throw new Unusual();
    if (entry.type !== "dir" && removeOrphanBeside(root, key)) return;
    if (stubs.has(key)) return;
    if (!entry.validUtf8 || !isStorable(root, key) || entry.errno !== 0) throw new Unusual();
    if (isKernelName(key, entry, owner, foreign)) throw new Unusual();
    const isChild = parentKey(key) === directory;
    const record = isChild ? children.get(nameOf(key)) : undefined;
    if (record !== undefined) return this.#compare(key, id, record, entry);
    const parent = isChild ? id : this.#ids.get(parentKey(key));
    if (parent === undefined) throw new Unusual();
    const own = this.#tree.manifest.nextId();
    if (entry.type === "dir") this.#ids.set(key, own);
    this.#put.push({ parent, key, record: backedRecord(own, entry) });
    this.report.added += 1;
  }

  /** What is in a directory, and in those below it that nobody has known. These are watched before they are listed. */
  async #list(key: string, children: ReadonlyMap<string, ManifestRecord>): Promise<ScanEntry[]> {
    const { watch } = this.#tree;
    const known = [...children].filter(([, child]) => isDir(child)).map(([name]) => name);
    const skip = [...known, ...(this.#stubs.get(key) ?? []).map(nameOf)];
    const first = await this.#scan(key, skip);
    const isNew = (entry: ScanEntry): boolean =>
      entry.type === "dir" && !this.#tree.stubs.has(entry.key) && !isKnown(entry.key, key, children);
    const fresh = first.filter(isNew);
    if (fresh.length === 0) return first;
    for (const entry of fresh) if (!watch.add(entry.key, entry.ino)) throw new Unusual();
    const watched = new Map(fresh.map((entry) => [entry.key, entry.ino]));
    const second = await this.#scan(key, skip);
    for (const entry of second) if (isNew(entry) && watched.get(entry.key) !== entry.ino) throw new Unusual();
    return second;
  }

  async #scan(key: string, skip: string[]): Promise<ScanEntry[]> {
    const { root } = this.#tree;
    let found: ScanEntry[];
    try {
      found = await scanTree(key === "" ? root : `${root}/${key}`, skip);
    } catch (error) {
      if (isErrno(error, "ENOENT", "ENOTDIR", "EACCES", "ELOOP")) throw new Unusual();
      throw error;
    }
    return key === "" ? found : found.map((entry) => prefixed(entry, key));
  }
}

function isKnown(key: string, directory: string, children: ReadonlyMap<string, ManifestRecord>): boolean {
  return parentKey(key) === directory && children.has(nameOf(key));
}

function prefixed(entry: ScanEntry, directory: string): ScanEntry {
  // Its facts are read from the scan when they are asked for.
  return Object.create(entry, {
    key: { value: `${directory}/${entry.key}` },
    rawKey: {
      get: () => {
        throw new VriftError("EINVAL", "the bytes of a key are not kept here");
      },
    },
  }) as ScanEntry;
}

function below(directory: string, name: string): string {
  return directory === "" ? name : `${directory}/${name}`;
}
