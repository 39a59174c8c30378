/**
 * Hashes of a solid tree's files, while nobody needs the machine: who asks for one later gets it at once (docs/solid.md). What is done is in the
 * manifest, so that the next process goes on behind it; what is asked for meanwhile is computed by read.ts without waiting for this.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import type { HashedFile } from "./hash-thread.js";
import { HASHED, VIRTUAL, backedRecord, describes, isDir, isSymlink } from "./records.js";
import type { Change, Tree } from "./tree.js";
import { commit, parentId } from "./tree.js";
import type { TurnQueue } from "./turn-queue.js";

/** Files, and bytes of them, between two looks at how the machine is. */
const BATCH = 256;
const BATCH_BYTES = 64n << 20n;
const LOOKED_AT = 8192;
const AGAIN_MS = 2000;

export class BackgroundHashing {
  readonly #tree: Tree;
  readonly #turns: TurnQueue;
  readonly #isQuiet: () => boolean;
  readonly #onDone: () => void;
  #thread: Worker | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** Everything up to this key has been tried since the tree changed last. */
  #after: string | undefined;
  #closed = false;

  /** @param isQuiet the machine has nothing better to do. @param onDone after entries have got their hashes. */
  constructor(tree: Tree, turns: TurnQueue, isQuiet: () => boolean, onDone: () => void) {
    this.#tree = tree;
    this.#turns = turns;
    this.#isQuiet = isQuiet;
    this.#onDone = onDone;
  }

  /** There may be something to do, from the beginning. */
  begin(): void {
    this.#after = undefined;
    this.#later();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#thread?.terminate();
  }

  #later(): void {
    if (this.#closed || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#go().catch((error: unknown) => {
        if (!this.#closed) this.#tree.log.error("hashing failed", error, { root: this.#tree.root });
      });
    }, AGAIN_MS);
    this.#timer.unref();
  }

  async #go(): Promise<void> {
    while (!this.#closed) {
      if (!this.#isQuiet()) return this.#later();
      const keys = await this.#next();
      if (keys.length === 0) return this.#rest();
      const done = await this.#hash(keys);
      if (this.#closed) return;
      await this.#turns.run(() => this.#remember(done));
      this.#onDone();
    }
  }

  /** The thread costs memory that nobody needs between two changes. */
  #rest(): void {
    void this.#thread?.terminate();
    this.#thread = undefined;
  }

  async #next(): Promise<string[]> {
    const keys: string[] = [];
    let bytes = 0n;
    let seen = 0;
    const { manifest } = this.#tree;
    for (const [key, record] of manifest.entries(this.#after)) {
      if (++seen % LOOKED_AT === 0) {
        await nextTurn();
        // The tree may have changed meanwhile, and then it is begun again.
        if (this.#closed) return [];
      }
      if (isDir(record) || isSymlink(record) || (record.flags & (HASHED | VIRTUAL)) !== 0) continue;
      keys.push(key);
      this.#after = key;
      bytes += record.size;
      if (keys.length === BATCH || bytes > BATCH_BYTES) break;
    }
    return keys;
  }

  async #hash(keys: readonly string[]): Promise<HashedFile[]> {
    const thread = (this.#thread ??= new Worker(new URL("hash-thread.js", import.meta.url)));
    thread.unref();
    return new Promise((resolve, reject) => {
      const ended = (): void => settle(() => resolve([]));
      const failed = (error: unknown): void => settle(() => reject(error));
      const answered = (done: HashedFile[]): void => settle(() => resolve(done));
      const settle = (work: () => void): void => {
        thread.off("message", answered).off("error", failed).off("exit", ended);
        work();
      };
      thread.on("message", answered).on("error", failed).on("exit", ended);
      thread.postMessage({ root: this.#tree.root, keys });
    });
  }

  async #remember(done: readonly HashedFile[]): Promise<void> {
    const changes: Change[] = [];
    for (const { key, physical, hash, settled } of done) {
      const record = settled ? this.#tree.manifest.find(key) : undefined;
      if (record === undefined || (record.flags & HASHED) !== 0 || !describes(record, physical)) continue;
      changes.push({
        parent: parentId(this.#tree, key),
        key,
        record: backedRecord(record.id, physical, hash),
      });
    }
    await commit(this.#tree, changes);
  }
}
