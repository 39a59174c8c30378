/** The Workspace of workspace.ts over an open Tree: turns, durability, heartbeat. Opening is open-workspace.ts. */
import { availableParallelism, loadavg } from "node:os";
import type { ManifestRecord } from "../manifest/manifest.js";
import { VriftError } from "../platform/errors.js";
import type { IndexHandle } from "../platform/native.js";
import { pathToKey, saysDirectory } from "../protocol/key.js";
import { FLAG_DIR } from "../protocol/messages.js";
import type { DirEntry, VnodeEntry } from "../protocol/messages.js";
import { SharedIndex } from "../vdir/shared-index.js";
import { adopt } from "./adopt.js";
import type { Refused } from "./adopt.js";
import { type CommitReport, type CommitSettings, Committer } from "./committer.js";
import { foundPhantom } from "./found-phantom.js";
import { remove, upsert } from "./mutate.js";
import { areRootsLong, tidyRoots } from "./held-content.js";
import { lightRound } from "./light-round.js";
import { lookAtKey } from "./physical.js";
import { getEntry, listEntries } from "./read.js";
import { HASHED, isDir, isVirtual, toAdoptEntry, toVnodeEntry } from "./records.js";
import type { OpenProject } from "./registry.js";
import { assertReingestable, reingest } from "./reingest.js";
import { rename } from "./rename.js";
import { DISTRUST_UNWATCHED, resync } from "./resync.js";
import { BackgroundHashing } from "./background-hashing.js";
import { RoundPace } from "./round-pace.js";
import { Settling } from "./settling.js";
import { takeTemporary } from "./temporary-file.js";
import type { Tree } from "./tree.js";
import { closeTree } from "./tree.js";
import type { TreeNames } from "./tree-names.js";
import { isTreeLocked } from "./tree-lock.js";
import { TurnQueue } from "./turn-queue.js";
import { updateMtime } from "./update-mtime.js";
import { movedSince } from "./uninjected.js";
import { isWhitedOut, whitedOutKeys } from "./whiteouts.js";
import type { AdoptEntry, ResyncReport, SolidFacts, Workspace, WorkspaceInfo } from "./workspace.js";

const RESYNC_DELAY_MS = 200;
/** While a command has the tree's lock. */
const MOVED_DELAY_MS = 2000;
/** Without a round, before files are hashed that nobody has asked for. */
const QUIET_MS = 2000;
/** How often marks are looked at that move without an event. */
const MARKS_MS = 100;
/** From the moment the roots are too long; and until it is tried again. */
const TIDY_DELAY_MS = 1000;
const TIDY_AGAIN_MS = 60_000;

export class ProjectWorkspace implements Workspace, OpenProject {
  readonly #tree: Tree;
  readonly #turns = new TurnQueue();
  /** Rewritings of the roots, which go on beside mutations. */
  readonly #tidying = new TurnQueue();
  readonly #committer: Committer;
  #closed = false;

  readonly #settling: Settling;
  readonly #pace = new RoundPace();
  readonly #hashing: BackgroundHashing;
  #marksTimer: NodeJS.Timeout | undefined;
  /** The summary of the marks when the last round was asked for because of it: what stays in flight is not asked for again. */
  #lookedAt: bigint | undefined;
  #resyncTimer: NodeJS.Timeout | undefined;
  #resyncMs = 0;
  #tidyTimer: NodeJS.Timeout | undefined;
  /** Opened when it is first needed. */
  #shared: SharedIndex | undefined;

  /** The index is published and the tree compared. Rejects when that cannot be done: close it then. */
  readonly ready: Promise<void>;

  /** Takes over a tree. `begin` brings its index up; reads do not wait for it, changes do. */
  constructor(
    tree: Tree,
    begin: (onChange: () => void) => Promise<TreeNames>,
    settleMs: number,
    commit: CommitSettings = { commit: false, dehydrate: false },
  ) {
    this.#tree = tree;
    this.#settling = new Settling(tree, this.#turns, settleMs);
    this.#hashing = new BackgroundHashing(
      tree,
      this.#turns,
      () => this.#pace.restedMs > QUIET_MS && (loadavg()[0] ?? 0) <= availableParallelism(),
      () => this.#settling.soon(),
    );
    this.#committer = new Committer(tree, this.#turns, () => this.resync(), commit);
    this.ready = this.#turns.run(async () => {
      this.#committer.offer(await begin(() => this.scheduleResync()));
      this.#committer.start();
    });
    this.ready.then(
      () => this.#begun(),
      () => undefined,
    );
  }

  /** Programs move marks of a solid tree without any event (an open for writing), and end without one. */
  #begun(): void {
    if (this.#closed || this.#tree.kind !== "solid" || this.#tree.watch.failure !== undefined) return;
    this.#settling.soon();
    this.#hashing.begin();
    this.#marksTimer = setInterval(() => {
      const moved = movedSince(this.#tree, this.#lookedAt);
      if (moved === undefined) return;
      this.#lookedAt = moved;
      this.scheduleResync();
    }, MARKS_MS).unref();
  }

  /** Something changed in the tree: it is compared again soon, at most a fifth of the time. */
  scheduleResync(): void {
    if (this.#closed || this.#resyncTimer !== undefined) return;
    const { kind } = this.#tree;
    const delay = kind === "solid" ? this.#pace.next() : this.#phantomDelay();
    this.#resyncTimer = setTimeout(() => {
      this.#resyncTimer = undefined;
      this.#mutate(() => this.#resyncNow(false)).catch((error: unknown) => {
        if (!this.#closed) this.#tree.log.error("resync failed", error, { root: this.#tree.root });
      });
    }, delay);
    this.#resyncTimer.unref();
  }

  /** A command that moves files causes what the rounds would see, and asks for one in the end. */
  #phantomDelay(): number {
    return isTreeLocked(this.#tree.paths.run)
      ? Math.max(MOVED_DELAY_MS, 20 * this.#resyncMs)
      : Math.max(RESYNC_DELAY_MS, 4 * this.#resyncMs);
  }

  get isOpen(): boolean {
    return !this.#closed;
  }

  get info(): WorkspaceInfo {
    const tree = this.#tree;
    return {
      id: tree.id,
      root: tree.root,
      kind: tree.kind,
      run: tree.paths.run,
      index: tree.paths.index,
      entries: tree.manifest.count(),
      virtualEntries: tree.virtual.entries,
      virtualBytes: String(tree.virtual.bytes),
      ...(tree.watch.failure === undefined ? {} : { distrust: tree.watch.failure }),
      ...(tree.kind === "solid" && tree.watch.failure === undefined ? { solid: this.#solidFacts() } : {}),
    };
  }

  #solidFacts(): SolidFacts {
    const { watch, held } = this.#tree;
    return { watchedDirectories: watch.count, hashed: held.naming, unsettled: this.#settling.left };
  }

  /** The index file that programs map now. */
  get indexHandle(): IndexHandle {
    if (this.#tree.index === undefined) throw new VriftError("ECONNRESET", `${this.#tree.root} is closed`);
    return this.#tree.index.handle;
  }

  /** Called after each change to the index. */
  set onIndexed(callback: () => void) {
    this.#tree.onIndexed = callback;
  }

  async get(path: string): Promise<VnodeEntry | null> {
    this.#assertOpen();
    const entry = await getEntry(this.#tree, pathToKey(this.#tree.root, path), this.#turns);
    if (this.#tree.kind === "solid") this.#settling.later();
    return entry !== null && saysDirectory(path) && !(entry.flags & FLAG_DIR) ? null : entry;
  }

  getNow(bytes: Uint8Array, from: number, to: number, out: Uint8Array, at: number): number {
    if (this.#closed || this.#tree.watch.failure !== undefined) return 0;
    this.#shared ??= new SharedIndex(this.#tree.paths.index);
    return this.#shared.getNow(bytes, from, to, out, at);
  }

  listNow(bytes: Uint8Array, from: number, to: number, head: number, limit: number): Buffer | undefined {
    if (this.#closed || this.#tree.watch.failure !== undefined) return undefined;
    this.#shared ??= new SharedIndex(this.#tree.paths.index);
    return this.#shared.listNow(bytes, from, to, head, limit);
  }

  async list(path: string): Promise<DirEntry[]> {
    this.#assertOpen();
    return listEntries(this.#tree, pathToKey(this.#tree.root, path));
  }

  upsert(path: string, entry: VnodeEntry): Promise<VnodeEntry> {
    return this.#mutate(() => {
      const key = pathToKey(this.#tree.root, path);
      if (!(entry.flags & FLAG_DIR)) assertMayBeFile(key, path);
      return upsert(this.#tree, key, entry);
    });
  }

  remove(path: string): Promise<VnodeEntry | null> {
    return this.#mutate(async () => {
      const key = pathToKey(this.#tree.root, path);
      if (saysDirectory(path)) this.#assertNoFile(key);
      await remove(this.#tree, key);
      return null;
    });
  }

  async rename(oldPath: string, newPath: string): Promise<VnodeEntry | null> {
    const key = pathToKey(this.#tree.root, newPath);
    const record = await this.#mutate(() => {
      const oldKey = pathToKey(this.#tree.root, oldPath);
      if (saysDirectory(oldPath) || saysDirectory(newPath)) this.#assertNoFile(oldKey);
      return rename(this.#tree, oldKey, key);
    });
    return this.#answer(key, record);
  }

  async updateMtime(path: string, mtimeNs: bigint): Promise<VnodeEntry | null> {
    const key = pathToKey(this.#tree.root, path);
    const record = await this.#mutate(() => {
      if (saysDirectory(path)) this.#assertNoFile(key);
      return updateMtime(this.#tree, key, mtimeNs);
    });
    return this.#answer(key, record);
  }

  async reingest(path: string, tempPath: string, callerUid: number): Promise<VnodeEntry> {
    this.#assertOpen();
    const key = pathToKey(this.#tree.root, path);
    assertMayBeFile(key, path);
    assertReingestable(this.#tree, key);
    const content = await takeTemporary(this.#tree, tempPath, callerUid);
    try {
      return toVnodeEntry(await this.#mutate(() => reingest(this.#tree, key, content)));
    } finally {
      content.close();
    }
  }

  adopt(entries: readonly AdoptEntry[], as: "virtual" | "backed"): Promise<{ refused: Refused[] }> {
    return this.#mutate(async () => {
      const refused = await adopt(this.#tree, entries, as);
      if (as === "virtual") await this.#syncNow();
      return { refused };
    });
  }

  *virtualEntries(after = ""): Generator<AdoptEntry> {
    for (const [key, record] of this.records(after === "" ? undefined : after)) {
      if (isVirtual(record)) yield toAdoptEntry(key, record);
    }
  }

  /** Every entry but the virtual ones that are whited out, also for a workspace that starts as a copy of this one. */
  *records(after?: string): Generator<readonly [key: string, record: ManifestRecord]> {
    const hidden = whitedOutKeys(this.#tree);
    for (const entry of this.#tree.manifest.entries(after)) {
      if (!isVirtual(entry[1]) || !isWhitedOut(hidden, entry[0])) yield entry;
    }
  }

  resync(): Promise<ResyncReport> {
    return this.#mutate(() => this.#resyncNow(true));
  }

  /** What programs have written goes into the store, as far as it is quiet (committer.ts). */
  async commit(also: { readonly dehydrate: boolean }): Promise<CommitReport> {
    await this.ready;
    this.#assertOpen();
    if (this.#tree.kind !== "phantom")
      throw new VriftError("VRIFT_NOT_PHANTOM", `${this.#tree.root} is not a phantom workspace`);
    return await this.#committer.commit(also);
  }

  /** Whatever was changed before the call is in the marks, so that no program that starts now is told what was before. */
  async drain(): Promise<void> {
    this.#assertOpen();
    const { watch, index } = this.#tree;
    await watch.drain();
    if (watch.failure === undefined) return;
    index?.setDistrust(DISTRUST_UNWATCHED);
    this.scheduleResync();
  }

  /** Every name of a solid tree by its facts, also where nobody has told of a change (docs/solid.md). */
  async lookAtAll(): Promise<void> {
    if (this.#closed || this.#tree.kind !== "solid" || this.#tree.watch.failure !== undefined) return;
    if ((await this.#settling.all()).length > 0) await this.#mutate(() => this.#resyncNow(false));
  }

  /** resync, and then every name of a solid tree is answered from the index that can be: it is true and waits for nothing more. */
  async settled(): Promise<ResyncReport> {
    const report = await this.resync();
    await this.lookAtAll();
    return report;
  }

  sync(): Promise<void> {
    return this.#mutate(() => this.#syncNow());
  }

  /** The roots name what entries name and nothing else; as they were while a damaged journal is there. */
  async tidyRoots(): Promise<void> {
    await this.ready;
    this.#assertOpen();
    await this.#tidying.run(() => {
      const begin = (work: () => Promise<void>): Promise<void> => this.#betweenTurns(work);
      return tidyRoots(this.#tree, begin, () => this.#closed);
    });
  }

  /** What is begun when no mutation is at work, and goes on beside the next ones. */
  async #betweenTurns(work: () => Promise<void>): Promise<void> {
    let going: Promise<void> | undefined;
    await this.#turns.run(async () => {
      going = work();
      going.catch(() => undefined); // it is awaited below
    });
    await going;
  }

  found(to: string): Promise<string> {
    const { home, store } = this.#tree;
    return foundPhantom({ home, store, root: to, seed: () => this.records() });
  }

  /** Compares, and refuses while a virtual entry has no file: then the workspace could not become an ordinary directory. */
  async readyToSolidify(): Promise<ResyncReport> {
    const report = await this.resync();
    for (const [key, record] of this.records()) {
      if (isVirtual(record) && lookAtKey(this.#tree.root, key) === undefined)
        throw new VriftError("EBUSY", `${key} is still virtual: put it in place first`);
    }
    return report;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#resyncTimer);
    clearTimeout(this.#tidyTimer);
    clearInterval(this.#marksTimer);
    this.#settling.close();
    await this.#hashing.close();
    this.#shared?.close();
    await this.#committer.close();
    await this.#turns.idle();
    await this.#tidying.idle();
    await closeTree(this.#tree);
  }

  async #compareAll(restore: boolean): Promise<ResyncReport> {
    const { report, physical } = await resync(this.#tree, restore);
    this.#committer.offer(physical);
    return report;
  }

  async #resyncNow(restore: boolean): Promise<ResyncReport> {
    const begin = performance.now();
    const report = (restore ? undefined : await lightRound(this.#tree)) ?? (await this.#compareAll(restore));
    this.#resyncMs = performance.now() - begin;
    this.#pace.ended(this.#resyncMs);
    if (this.#tree.kind === "solid") {
      this.#settling.soon();
      if (this.#tree.watch.failure === undefined) this.#hashing.begin();
    }
    return report;
  }

  async #syncNow(): Promise<void> {
    await this.#tree.store.sync();
    await this.#tree.manifest.sync();
  }

  /** A file whose hash is not known is hashed when the mutation is over, so that others do not wait for it. */
  async #answer(key: string, record: ManifestRecord): Promise<VnodeEntry | null> {
    if (isDir(record) || record.flags & HASHED) return toVnodeEntry(record);
    return getEntry(this.#tree, key, this.#turns);
  }

  async #mutate<T>(work: () => Promise<T>): Promise<T> {
    this.#assertOpen();
    const result = await this.#turns.run(work);
    if (areRootsLong(this.#tree)) this.#tidyLater(TIDY_DELAY_MS);
    if (this.#tree.kind === "solid") this.#settling.later();
    return result;
  }

  #tidyLater(delayMs: number): void {
    if (this.#closed || this.#tidyTimer !== undefined) return;
    this.#tidyTimer = setTimeout(() => void this.#tidyNow(), delayMs).unref();
  }

  async #tidyNow(): Promise<void> {
    const tree = this.#tree;
    try {
      await this.tidyRoots();
    } catch (error) {
      if (this.#closed) return;
      tree.log.error("the roots cannot be rewritten", error, { root: tree.root });
    }
    this.#tidyTimer = undefined;
    // A full disk, or a damaged journal.
    if (areRootsLong(tree)) this.#tidyLater(TIDY_AGAIN_MS);
  }

  /** Of a name with a slash behind it; nothing there is somebody else's error. */
  #assertNoFile(key: string): void {
    const physical = lookAtKey(this.#tree.root, key);
    const isFile = physical === undefined ? this.#tree.manifest.find(key) : physical.type !== "dir";
    if (isFile) throw new VriftError("ENOTDIR", `${key} is not a directory`);
  }

  #assertOpen(): void {
    if (this.#closed) throw new VriftError("ECONNRESET", `the workspace ${this.#tree.root} is being closed`);
  }
}

function assertMayBeFile(key: string, path: string): void {
  if (saysDirectory(path))
    throw new VriftError("EISDIR", `${key} with a slash behind it is no name for a file`);
}
