/**
 * The manifest on disk: LMDB for what is settled, the journal for what is acknowledged since, and the latter in memory
 * too (`Pending`), where reads look first.
 *
 * A change is planned and visible at once; the changes of one turn of the event loop are written to the journal together
 * and acknowledged after that write. A commit, at most a second later, takes what is pending as it is:
 *
 *   1. later records go to a new journal file, later changes to a new layer
 *   2. `beforeCommit` (the store's syncfs), so that no durable entry names a blob that is not
 *   3. the older journal files are on disk
 *   4. one synced LMDB transaction with every change and the sequence number it reflects
 *   5. the older journal files are removed
 *
 * Killed before 4: LMDB has the state before, the journal everything since. Between 4 and 5: replay skips what the
 * sequence number covers. A commit that fails is tried again every second with what has come since; until one succeeds
 * changes are refused with its reason, because "durable in a second" would be a lie.
 *
 * When LMDB itself has failed, in 4, its memory is not to be trusted with another write: the manifest is *spent*. Changes are
 * refused, `sync` and `close` leave everything to the journal, and as soon as there is room again (looked for every second at
 * first) `onSpent` is told, once: another process is to open the manifest and replay the journal.
 */
import { readdirSync } from "node:fs";
import { dirname } from "node:path";
import { VriftError, toVriftError } from "../platform/errors.js";
import { makeDirectory, syncDirectory } from "../platform/files.js";
import { encodeRecord } from "../platform/record-log.js";
import { type JournaledChange, decodeChanges, encodeChanges } from "./change-codec.js";
import { Journal } from "./journal.js";
import { type JournalDamage, recoverJournal } from "./journal-recovery.js";
import { checkName, compareNames } from "./keys.js";
import { LmdbTable } from "./lmdb-table.js";
import {
  type EntryId,
  type Manifest,
  type ManifestChange,
  type ManifestMeta,
  type ManifestRecord,
  ROOT_ID,
} from "./manifest.js";
import { Pending } from "./pending.js";
import { planChanges } from "./plan.js";
import { type EntryTable, KeyFinder, walkEntries } from "./walk.js";

export interface ManifestOptions {
  /** Awaited before each LMDB commit: what the entries refer to must be durable first. */
  readonly beforeCommit?: () => Promise<void>;
  /** Told at open of journal records that could not be read. They are kept in a file; what came before stands. */
  readonly onDamage?: (error: VriftError, details: JournalDamage) => void;
  /** This process can do nothing more than read; another one that opens the manifest would have room to go on. */
  readonly onSpent?: () => void;
  /** Longest time an acknowledged change is in the journal only. Default 1,000 ms. */
  readonly commitDelayMs?: number;
}

const COMMIT_DELAY_MS = 1_000;
/** Between two looks for room when LMDB has failed, at most. */
const LOOK_MAX_MS = 5_000;
/** Before the first one, when this process has never committed: it may have taken over from another that could not. */
const LOOK_LATE_MS = 30_000;
/** Pending entries that start a commit at once: about 5 MB. */
const COMMIT_AT = 16_384;
/** Pending entries at which `apply` waits for the commit: a million changes must not become a million records in memory. */
const WAIT_AT = 131_072;

/** Opens (making) the manifest in `directory`. The caller holds the lock that makes it the only one who does. */
export async function openManifest(
  directory: string,
  options: ManifestOptions = {},
): Promise<Manifest & ManifestMeta> {
  makeDirectory(directory);
  const isNew = readdirSync(directory).length === 0;
  const table = new LmdbTable(directory, { sequence: 0n, count: 0, nextId: ROOT_ID + 1n });
  try {
    if (isNew) for (const path of [directory, dirname(directory)]) syncDirectory(path);
    return new LmdbManifest(directory, table, options);
  } catch (error) {
    await table.close();
    throw error;
  }
}

interface QueuedRecord {
  readonly record: Buffer;
  readonly undo: () => void;
  readonly resolve: () => void;
  readonly reject: (error: VriftError) => void;
}

class LmdbManifest implements Manifest, ManifestMeta, EntryTable {
  readonly #table: LmdbTable;
  readonly #journal: Journal;
  readonly #options: ManifestOptions;
  readonly #finder = new KeyFinder(this);
  readonly #pending = new Pending();
  /** Planned and visible, not yet in the journal. */
  #queue: QueuedRecord[] = [];
  #flushing: NodeJS.Immediate | undefined;
  /** The last change planned; `#sequence` is the last one acknowledged. */
  #planned: bigint;
  #sequence: bigint;
  #count: number;
  #nextId: EntryId;
  /** Moves with whatever may outdate a page read from LMDB. */
  #version = 0;
  #timer: NodeJS.Timeout | undefined;
  #commit: Promise<void> | undefined;
  /** Why the last commit failed; cleared by the next one that does not. */
  #failure: VriftError | undefined;
  #closed = false;
  /** While it is spent: between two looks for room. */
  #lookMs = COMMIT_DELAY_MS;
  #hasCommitted = false;

  constructor(directory: string, table: LmdbTable, options: ManifestOptions) {
    this.#table = table;
    this.#options = options;
    ({ sequence: this.#planned, count: this.#count, nextId: this.#nextId } = table.state);
    const recovered = recoverJournal(directory, table.state.sequence, ({ payload }) => {
      this.#absorb(decodeChanges(payload));
    });
    this.#planned = this.#sequence = recovered.last;
    this.#journal = new Journal(directory, recovered);
    if (recovered.damage) {
      const { reason, keptIn, bytes, lastSequence } = recovered.damage;
      const what = `${reason}; changes up to ${lastSequence} stand, ${bytes} bytes were moved to ${keptIn}`;
      options.onDamage?.(new VriftError("VRIFT_DAMAGED", what), recovered.damage);
    }
    this.#commitLater();
  }

  get sequence(): bigint {
    return this.#sequence;
  }

  count(): number {
    return this.#count;
  }

  nextId(): EntryId {
    return this.#nextId++;
  }

  get(parent: EntryId, name: string): ManifestRecord | undefined {
    const pending = this.#pending.get(parent, name);
    return pending === undefined ? this.#table.get(parent, name) : (pending ?? undefined);
  }

  getMeta(name: string): string | undefined {
    return this.#pending.getMeta(name) ?? this.#table.getMeta(name);
  }

  find(key: string): ManifestRecord | undefined {
    return this.#finder.find(key);
  }

  entries(after?: string): Iterable<readonly [key: string, record: ManifestRecord]> {
    return walkEntries(this, this.#finder, after);
  }

  /** Merges LMDB's names, read a page at a time, with the pending ones as they are when the walk begins. */
  *children(parent: EntryId, after?: string): Iterable<readonly [name: string, record: ManifestRecord]> {
    const pending = this.#pending.names(parent, after);
    let next = 0;
    let position = after;
    for (let last = false; !last;) {
      const version = this.#version;
      const page = this.#table.page(parent, position);
      for (const [name, record] of page.items) {
        while (next < pending.length && compareNames(pending[next]!, name) < 0) {
          yield* this.#present(parent, pending[next++]!);
        }
        if (pending[next] === name) next++;
        if (version === this.#version && this.#pending.get(parent, name) === undefined) yield [name, record];
        else yield* this.#present(parent, name);
        position = name;
      }
      last = page.last;
    }
    while (next < pending.length) yield* this.#present(parent, pending[next++]!);
  }

  *#present(parent: EntryId, name: string): Iterable<readonly [string, ManifestRecord]> {
    const record = this.get(parent, name);
    if (record) yield [name, record];
  }

  async apply(changes: readonly ManifestChange[]): Promise<void> {
    if (changes.length > 0) await this.#change(changes);
  }

  async setMeta(name: string, value: string): Promise<void> {
    checkName(name);
    await this.#change([{ type: "meta", name, value }]);
  }

  async #change(changes: readonly JournaledChange[]): Promise<void> {
    if (this.#closed) throw new VriftError("EINVAL", "the manifest is closed");
    if (this.#failure) throw this.#failure;
    // Encoded first: a value that does not fit refuses the change before anything of it is visible.
    const record = encodeJournalRecord(this.#planned + 1n, changes);
    const undoChanges = this.#absorb(changes);
    this.#planned++;
    const undo = (): void => {
      undoChanges();
      this.#planned--;
    };
    const written = new Promise<void>((resolve, reject) => {
      this.#queue.push({ record, undo, resolve, reject });
    });
    this.#flushing ??= setImmediate(() => {
      this.#flush();
    });
    await written;
    // The change stands whatever comes of the commit; a failure is the next change's to hear of.
    while (this.#pending.size >= WAIT_AT && !this.#failure) await this.#commitNow().catch(() => {});
  }

  /** Makes changes visible; returns what takes them back. Throws, and changes nothing, when one of them is refused. */
  #absorb(changes: readonly JournaledChange[]): () => void {
    const plan = planChanges(
      changes.filter((change) => change.type !== "meta"),
      (parent, name) => this.get(parent, name),
    );
    const undos = [this.#pending.edit(plan.edits)];
    for (const change of changes) {
      if (change.type === "meta") undos.push(this.#pending.setMeta(change.name, change.value));
    }
    this.#count += plan.countDelta;
    if (plan.highestId >= this.#nextId) this.#nextId = plan.highestId + 1n;
    if (plan.directoriesMoved) this.#finder.forget();
    return () => {
      for (const step of undos.reverse()) step();
      this.#count -= plan.countDelta;
      this.#finder.forget();
    };
  }

  /** One write for everything planned since the last one. */
  #flush(): void {
    clearImmediate(this.#flushing);
    this.#flushing = undefined;
    const queue = this.#queue;
    if (queue.length === 0) return;
    this.#queue = [];
    try {
      this.#journal.append(
        queue.length === 1 ? queue[0]!.record : Buffer.concat(queue.map(({ record }) => record)),
      );
    } catch (error) {
      for (const { undo } of queue.toReversed()) undo();
      const refused = toVriftError(error);
      for (const { reject } of queue) reject(refused);
      return;
    }
    this.#sequence = this.#planned;
    for (const { resolve } of queue) resolve();
    if (this.#pending.size >= COMMIT_AT) this.#commitInBackground();
    else this.#commitLater();
  }

  async sync(): Promise<void> {
    if (this.#closed) throw new VriftError("EINVAL", "the manifest is closed");
    // A commit that is running began before the latest changes.
    if (this.#commit) await this.#commit.catch(() => {});
    await (this.#table.isSpent ? this.#syncJournal() : this.#commitNow());
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    try {
      await this.sync();
    } finally {
      this.#closed = true;
      clearTimeout(this.#timer);
      if (this.#commit) await this.#commit.catch(() => {});
      this.#journal.close();
      await this.#table.close();
    }
  }

  #commitLater(): void {
    if (this.#timer || this.#closed || (this.#pending.isEmpty && !this.#failure)) return;
    if (this.#table.isSpent) return;
    this.#timer = setTimeout(() => {
      this.#commitInBackground();
    }, this.#options.commitDelayMs ?? COMMIT_DELAY_MS).unref();
  }

  async #syncJournal(): Promise<void> {
    this.#flush();
    await this.#options.beforeCommit?.();
    await this.#journal.syncAll();
  }

  /** Room for what a successor will commit first. */
  #lookForRoom(): void {
    this.#timer = setTimeout(() => {
      if (this.#closed) return;
      this.#lookMs = Math.min(LOOK_MAX_MS, this.#lookMs * 2);
      try {
        this.#table.takeRoom(this.#pending.all);
        this.#options.onSpent?.();
      } catch (error) {
        this.#failure = toVriftError(error);
        this.#lookForRoom();
      }
    }, this.#lookMs).unref();
  }

  /** Its failure stays in `#failure` and is what the next change is refused with. */
  #commitInBackground(): void {
    this.#commitNow().catch(() => {});
  }

  /** Joins the commit that is running, or starts one with everything planned so far. */
  #commitNow(): Promise<void> {
    // First, since a large flush starts a commit itself.
    if (!this.#commit) this.#flush();
    this.#commit ??= this.#runCommit().finally(() => {
      this.#commit = undefined;
      this.#commitLater();
    });
    return this.#commit;
  }

  async #runCommit(): Promise<void> {
    if (this.#table.isSpent) throw this.#failure!;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#pending.isEmpty && this.#journal.isEmpty) return;
    try {
      this.#journal.rotate(this.#sequence + 1n);
      const changes = this.#pending.freeze();
      const state = { sequence: this.#sequence, count: this.#count, nextId: this.#nextId };
      await this.#options.beforeCommit?.();
      await this.#journal.syncOlder();
      await this.#table.commit(changes, state);
      this.#version++;
      this.#pending.settle();
      this.#journal.removeOlder();
      this.#hasCommitted = true;
      this.#failure = undefined;
    } catch (error) {
      this.#flush(); // so that nothing in the queue would be taken back into a layer that is no more
      this.#pending.thaw();
      this.#failure = toVriftError(error);
      if (this.#table.isSpent) {
        this.#lookMs = this.#hasCommitted ? COMMIT_DELAY_MS : LOOK_LATE_MS;
        this.#lookForRoom();
      }
      throw this.#failure;
    }
  }
}

function encodeJournalRecord(sequence: bigint, changes: readonly JournaledChange[]): Buffer {
  try {
    return encodeRecord(sequence, encodeChanges(changes));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new VriftError("EINVAL", `a change cannot be recorded: ${reason}`, { cause: error });
  }
}
