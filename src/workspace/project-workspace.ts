/** The Workspace of workspace.ts over an open Tree: turns, durability, heartbeat. Opening is open-workspace.ts. */
import type { ManifestRecord } from "../manifest/manifest.js";
import { VriftError } from "../platform/errors.js";
import { pathToKey } from "../protocol/key.js";
import type { DirEntry, VnodeEntry } from "../protocol/messages.js";
import { adopt } from "./adopt.js";
import type { Refused } from "./adopt.js";
import { remove, upsert } from "./mutate.js";
import { lookAtKey } from "./physical.js";
import { getEntry, listEntries } from "./read.js";
import { isVirtual, toAdoptEntry } from "./records.js";
import { resync } from "./resync.js";
import type { Tree } from "./tree.js";
import { TurnQueue } from "./turn-queue.js";
import type { TreeWatch } from "./watch.js";
import type { AdoptEntry, ResyncReport, Workspace, WorkspaceInfo } from "./workspace.js";

export class ProjectWorkspace implements Workspace {
  readonly #tree: Tree;
  readonly #watch: TreeWatch;
  readonly #turns = new TurnQueue();
  #closed = false;

  /** Takes over a tree whose index is built and published. */
  constructor(tree: Tree, watch: TreeWatch) {
    this.#tree = tree;
    this.#watch = watch;
    watch.onDirty(() => {
      if (!this.#closed)
        void this.resync().catch((error: unknown) =>
          tree.log.error("resync failed", error, { root: tree.root }),
        );
    });
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
    };
  }

  /** Why programs ask the kernel first, when they do; for status. */
  get distrustReason(): string | undefined {
    return this.#watch.failure;
  }

  async get(path: string): Promise<VnodeEntry | null> {
    this.#assertOpen();
    return getEntry(this.#tree, pathToKey(this.#tree.root, path), (work) => this.#turns.run(work));
  }

  async list(path: string): Promise<DirEntry[]> {
    this.#assertOpen();
    return listEntries(this.#tree, pathToKey(this.#tree.root, path));
  }

  upsert(path: string, entry: VnodeEntry): Promise<VnodeEntry> {
    return this.#mutate(() => upsert(this.#tree, pathToKey(this.#tree.root, path), entry));
  }

  remove(path: string): Promise<VnodeEntry | null> {
    return this.#mutate(async () => {
      await remove(this.#tree, pathToKey(this.#tree.root, path));
      return null;
    });
  }

  adopt(entries: readonly AdoptEntry[], as: "virtual" | "backed"): Promise<{ refused: Refused[] }> {
    return this.#mutate(async () => {
      const refused = await adopt(this.#tree, entries, as);
      if (as === "virtual") await this.#syncNow();
      return { refused };
    });
  }

  *virtualEntries(after = ""): Generator<AdoptEntry> {
    for (const [key, record] of this.#tree.manifest.entries(after === "" ? undefined : after)) {
      if (isVirtual(record)) yield toAdoptEntry(key, record);
    }
  }

  /** Every entry, for a workspace that starts as a copy of this one. */
  records(): Iterable<readonly [key: string, record: ManifestRecord]> {
    return this.#tree.manifest.entries();
  }

  resync(): Promise<ResyncReport> {
    return this.#mutate(() => this.#resyncNow());
  }

  sync(): Promise<void> {
    return this.#mutate(() => this.#syncNow());
  }

  /** Compares, and refuses while a virtual entry has no file: then the workspace could not become an ordinary directory. */
  async readyToSolidify(): Promise<ResyncReport> {
    const report = await this.resync();
    for (const [key, record] of this.#tree.manifest.entries()) {
      if (isVirtual(record) && lookAtKey(this.#tree.root, key) === undefined)
        throw new VriftError("EBUSY", `${key} is still virtual: put it in place first`);
    }
    return report;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#watch.stop();
    await this.#turns.idle();
    await this.#syncNow();
    this.#tree.index?.close();
    this.#tree.roots.close();
    await this.#tree.manifest.close();
  }

  async #resyncNow(): Promise<ResyncReport> {
    return (await resync(this.#tree, this.#watch)).report;
  }

  async #syncNow(): Promise<void> {
    await this.#tree.store.sync();
    await this.#tree.manifest.sync();
  }

  async #mutate<T>(work: () => Promise<T>): Promise<T> {
    this.#assertOpen();
    return this.#turns.run(work);
  }

  #assertOpen(): void {
    if (this.#closed) throw new VriftError("ECONNRESET", `the workspace ${this.#tree.root} is being closed`);
  }
}
