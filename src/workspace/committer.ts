/**
 * Commits what programs write in a phantom workspace, and makes it virtual again where that is wanted: when it is due, and when
 * somebody asks (docs/commit.md). One round at a time, beside the mutations, which wait for the recording of a round only.
 */
import { statfsSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { VriftError, toVriftError } from "../platform/errors.js";
import { isErrno } from "../platform/files.js";
import { COMMIT_ROUND_BYTES, COMMIT_ROUND_FILES, STAGING_ORPHAN_MS } from "../platform/limits.js";
import type { CommitTaker, Outcome } from "./commit-taker.js";
import { takerHere, takerInThread } from "./commit-taker.js";
import { dehydrate, isInUse } from "./dehydrate.js";
import { recordCommitted } from "./record-committed.js";
import { HASHED, describes, isDir, isVirtual } from "./records.js";
import { recover } from "./recover.js";
import { removeOrphans } from "./staging.js";
import { statFile } from "./stat-file.js";
import type { Tree } from "./tree.js";
import { betweenMoves, isTreeLocked, withTreeLock } from "./tree-lock.js";
import type { TreeNames } from "./tree-names.js";
import { TurnQueue } from "./turn-queue.js";
import { type WrittenFile, WrittenFiles } from "./written-files.js";

export interface CommitSettings {
  /** Commit by itself, in a thread. Else only when asked, in this one: for a process that ends soon. */
  readonly commit: boolean;
  /** Make committed files virtual by itself. */
  readonly dehydrate: boolean;
}

export interface CommitReport {
  /** Files whose content this commit took, and its length; how many of them the store had before. */
  readonly files: number;
  readonly bytes: string;
  readonly present: number;
  /** Keys of files that somebody has open for writing, and of those that changed meanwhile: not taken. */
  readonly open: readonly string[];
  readonly changed: readonly string[];
  /** Files made virtual, and what could not go back to its own path (docs/tree.md, "Giving back"). */
  readonly dehydrated: number;
  readonly kept: readonly string[];
  /** A program uses the index, or a command moves files: what had to wait for that has not been done. */
  readonly inUse: boolean;
}

/** From the last change of a committed file until it is made virtual. */
const DEHYDRATE_QUIET_MS = 60_000;
/** The index is used, or a command moves files: until it is looked at again. */
const IN_USE_MS = 30_000;
/** A file could not be moved, because somebody reads it, say. */
const MOVED_AGAIN_MS = 600_000;
const FIRST_RETRY_MS = 60_000;
const LONGEST_RETRY_MS = 3_600_000;
const SHORTEST_WAIT_MS = 50;
/** Between two rounds in a row: twice as long as a command that waits for the tree's lock sleeps. */
const TURN_OF_OTHERS_MS = 10;
/** statfs f_type: there a lease probe misses what is mapped writable since before the copy-up. */
const OVERLAYFS_MAGIC = 0x794c7630;

export class Committer {
  readonly #tree: Tree;
  readonly #turns: TurnQueue;
  readonly #compare: () => Promise<unknown>;
  readonly #settings: CommitSettings;
  readonly #files: WrittenFiles;
  readonly #taker: CommitTaker;
  readonly #rounds = new TurnQueue();
  #timer: NodeJS.Timeout | undefined;
  #timerMs = Infinity;
  #retryMs = 0;
  #notBeforeMs = 0;
  #moveNotBeforeMs = 0;
  #closed = false;

  /** @param compare the tree with the manifest; in the end it calls `offer`. */
  constructor(tree: Tree, turns: TurnQueue, compare: () => Promise<unknown>, settings: CommitSettings) {
    this.#tree = tree;
    this.#turns = turns;
    this.#compare = compare;
    this.#settings = settings;
    this.#files = new WrittenFiles(tree.owner);
    const { root, owner, store } = tree;
    this.#taker = settings.commit
      ? takerInThread({ root, owner, source: store.path })
      : takerHere(store, { root, owner });
  }

  /** What a killed command, or this process before it was killed, was moving. Once, when the workspace is open. */
  start(): void {
    const { kind } = this.#tree;
    if (kind !== "phantom" || !this.#settings.commit || !this.#isInterrupted()) return;
    void this.#inBackground(() => this.#recover(new Tally()));
  }

  /** A comparison has found these names. */
  offer(physical: TreeNames): void {
    if (this.#tree.kind !== "phantom" || this.#closed) return;
    this.#files.take(physical.names, (key, entry) => this.#isCommitted(key, entry), Date.now());
    this.#wake();
  }

  /** Everything that is quiet now, whatever pause it has; durable when it resolves. */
  commit(also: { readonly dehydrate: boolean }): Promise<CommitReport> {
    return this.#rounds.run(async () => {
      if (this.#isMoved())
        throw new VriftError("EBUSY", `another vrift command is moving files of ${this.#tree.root}`);
      await this.#compare();
      const tally = new Tally();
      if (this.#isBlind()) tally.inUse = true;
      else {
        const failure = await this.#commitAll(this.#files.due(Infinity), tally);
        if (failure !== undefined) throw failure;
      }
      await this.#turns.run(() => this.#sync());
      if (also.dehydrate && this.#isInterrupted()) await this.#recover(tally);
      if (also.dehydrate) await this.#dehydrateAll(this.#files.committed, tally);
      return tally.report();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#taker.close();
    await this.#rounds.idle();
  }

  #isCommitted(key: string, entry: Parameters<typeof describes>[1]): boolean {
    const { manifest, roots, store } = this.#tree;
    const record = manifest.find(key);
    if (record === undefined || isDir(record) || !(record.flags & HASHED) || !describes(record, entry))
      return false;
    if (record.size === 0n || isVirtual(record)) return true;
    return roots.has(record.hash) && store.statBlob(record) !== undefined;
  }

  /** A command puts files into the store, and those are not to be copied there meanwhile. */
  #isMoved(): boolean {
    return isTreeLocked(this.#tree.paths.run);
  }

  /** Nobody could tell whether a file is being written. */
  #isBlind(): boolean {
    return statfsSync(this.#tree.root).type === OVERLAYFS_MAGIC && isInUse(this.#tree);
  }

  /** Sets the timer for what is due next. */
  #wake(): void {
    if (!this.#settings.commit || this.#closed) return;
    const quietMs = this.#settings.dehydrate ? this.#files.nextQuietMs(DEHYDRATE_QUIET_MS) : Infinity;
    const dehydrated = Math.max(quietMs, this.#moveNotBeforeMs);
    const next = Math.max(Math.min(this.#files.nextDueMs, dehydrated), this.#notBeforeMs);
    if (next === Infinity || next >= this.#timerMs) return;
    clearTimeout(this.#timer);
    this.#timerMs = next;
    const round = (): void => {
      this.#timerMs = Infinity;
      void this.#inBackground(() => this.#round());
    };
    this.#timer = setTimeout(round, Math.max(SHORTEST_WAIT_MS, next - Date.now())).unref();
  }

  async #round(): Promise<void> {
    removeOrphans(this.#tree.project.staging, STAGING_ORPHAN_MS);
    if (this.#isMoved() || this.#isBlind()) {
      this.#notBeforeMs = Date.now() + IN_USE_MS;
      return;
    }
    const tally = new Tally();
    const failure = await this.#commitAll(this.#files.due(Date.now()), tally);
    if (failure !== undefined) throw failure;
    if (!this.#settings.dehydrate || Date.now() < this.#moveNotBeforeMs) return;
    const keys = this.#files.quiet(DEHYDRATE_QUIET_MS, Date.now());
    if (keys.length === 0) return;
    await this.#dehydrateAll(keys, tally);
    if (tally.inUse) this.#moveNotBeforeMs = Date.now() + IN_USE_MS;
  }

  /** What fails is tried again, later each time; the tree is as good as before. */
  async #inBackground(work: () => Promise<void>): Promise<void> {
    const { log, root } = this.#tree;
    try {
      await this.#rounds.run(async () => {
        if (!this.#closed) await work();
      });
      this.#retryMs = 0;
    } catch (error) {
      if (this.#closed) return;
      if (this.#retryMs === 0)
        log.warn("what programs write cannot be committed", { root, why: toVriftError(error).toWire() });
      this.#retryMs = Math.min(Math.max(FIRST_RETRY_MS, 2 * this.#retryMs), LONGEST_RETRY_MS);
      this.#notBeforeMs = Date.now() + this.#retryMs;
    }
    this.#wake();
  }

  /**
   * In rounds; those after a failure are left, and all that are left when a command wants to move files. What it links into the store is not
   * to be copied there meanwhile.
   */
  async #commitAll(files: readonly WrittenFile[], tally: Tally): Promise<VriftError | undefined> {
    for (const part of parts(files)) {
      const take = (): Promise<VriftError | "taken"> => this.#commitPart(part, tally);
      const result = await betweenMoves(this.#tree.paths.run, take);
      if (result === undefined) tally.inUse = true;
      if (result === undefined || this.#closed) return undefined;
      if (result !== "taken") return result;
      await wait(TURN_OF_OTHERS_MS);
    }
    return undefined;
  }

  async #commitPart(part: readonly WrittenFile[], tally: Tally): Promise<VriftError | "taken"> {
    const batch = await this.#taker.take(part);
    try {
      await this.#record(part, batch.outcomes, tally);
    } finally {
      batch.release();
    }
    return batch.failure ?? "taken";
  }

  async #record(part: readonly WrittenFile[], outcomes: readonly Outcome[], tally: Tally): Promise<void> {
    const taken = outcomes.filter((outcome) => typeof outcome !== "string");
    const recorded = await this.#turns.run(() => recordCommitted(this.#tree, taken));
    const nowMs = Date.now();
    for (const [i, outcome] of outcomes.entries()) {
      const file = part[i]!;
      const reason = typeof outcome === "string" ? outcome : recorded.has(file.key) ? null : "changed";
      if (reason === null) this.#files.recorded(file);
      else this.#files.refused(file, reason, nowMs);
      tally.add(file, outcome, reason);
    }
  }

  async #dehydrateAll(keys: readonly string[], tally: Tally): Promise<void> {
    for (let start = 0; start < keys.length && !this.#closed; start += COMMIT_ROUND_FILES) {
      if ((tally.inUse = isInUse(this.#tree))) break;
      const some = keys.slice(start, start + COMMIT_ROUND_FILES);
      const moved = await this.#turns.run(() => dehydrate(this.#tree, some)).catch(unlessBusy);
      if ((tally.inUse = moved === undefined)) break;
      const { files, kept, inUse } = moved;
      this.#files.triedToMove(some, Date.now() + MOVED_AGAIN_MS);
      tally.dehydrated += files;
      tally.kept.push(...kept);
      this.#sayKept(kept);
      if ((tally.inUse = inUse)) break;
    }
    if (keys.length > 0 && !this.#closed) await this.#compare();
  }

  /** Files were being moved, or what they were moved by is left. */
  #isInterrupted(): boolean {
    return statFile(this.#tree.project.moving) !== undefined;
  }

  async #recover(tally: Tally): Promise<void> {
    const { store, root, paths } = this.#tree;
    const place = { run: paths.run, root };
    const { kept } = await this.#turns.run(() => withTreeLock(place, () => recover(store, root)));
    await this.#compare();
    tally.kept.push(...kept);
    this.#sayKept(kept);
  }

  async #sync(): Promise<void> {
    await this.#tree.store.sync();
    await this.#tree.manifest.sync();
  }

  #sayKept(kept: readonly string[]): void {
    const { log, root } = this.#tree;
    if (kept.length > 0)
      log.warn("files lie beside their paths, which were taken", { root, kept: kept.join(" ") });
  }
}

/** A command is at work: nothing is wrong, it is just not the moment. */
function unlessBusy(error: unknown): undefined {
  if (!isErrno(error, "EBUSY")) throw error;
}

class Tally {
  #files = 0;
  #bytes = 0n;
  #present = 0;
  readonly #open: string[] = [];
  readonly #changed: string[] = [];
  dehydrated = 0;
  inUse = false;
  readonly kept: string[] = [];

  add(file: WrittenFile, outcome: Outcome, reason: string | null): void {
    if (reason === "writer") this.#open.push(file.key);
    else if (reason === "changed") this.#changed.push(file.key);
    if (reason !== null || typeof outcome === "string") return;
    this.#files += 1;
    this.#bytes += file.size;
    if (outcome.method === "present") this.#present += 1;
  }

  report(): CommitReport {
    return {
      files: this.#files,
      bytes: String(this.#bytes),
      present: this.#present,
      open: this.#open,
      changed: this.#changed,
      dehydrated: this.dehydrated,
      kept: this.kept,
      inUse: this.inUse,
    };
  }
}

function* parts(files: readonly WrittenFile[]): Generator<WrittenFile[]> {
  let part: WrittenFile[] = [];
  let bytes = 0n;
  for (const file of files) {
    part.push(file);
    bytes += file.size;
    if (part.length < COMMIT_ROUND_FILES && bytes < BigInt(COMMIT_ROUND_BYTES)) continue;
    yield part;
    part = [];
    bytes = 0n;
  }
  if (part.length > 0) yield part;
}
