/** `vrift adopt`: chosen changes of a clone are taken into its source, all of them or, when one is in conflict, none. */
import { VriftError } from "../platform/errors.js";
import { hashFromHex } from "../platform/hash.js";
import type { Lease } from "../store/store.js";
import { assertNotRestoring } from "../workspace/restoring.js";
import { type SnapshotRecord, deleteSnapshot, readBase } from "../workspace/snapshots.js";
import type { WorkspaceInfo } from "../workspace/workspace.js";
import { type Conflict, chooseAdopted } from "./adopt-choice.js";
import { type CapturedTree, captureTree } from "./capture-tree.js";
import type { TreeContext } from "./context.js";
import { assertReadable, readPresent } from "./present-tree.js";
import type { RecordedName } from "./recorded-tree.js";
import { BEFORE_RESTORE, restoreTo } from "./restore.js";
import { inWorkspace } from "./snapshot.js";
import { type SnapshotContent, blobOf, readSnapshot, storeSnapshot } from "./store-snapshot.js";
import { type Difference, type DifferenceStatus, differences } from "./tree-difference.js";

export interface AdoptSummary {
  readonly workspace: WorkspaceInfo;
  /** Real path. */
  readonly source: string;
  readonly adopted: readonly { readonly key: string; readonly status: DifferenceStatus }[];
  /** Changes that the source had already. */
  readonly same: readonly string[];
  /** When there are any, nothing was done. */
  readonly conflicts: readonly Conflict[];
  /** Directories of the source that stay because they hold something else. */
  readonly kept: readonly string[];
  /** The snapshot of the source that has what was replaced; null when nothing was. */
  readonly before: string | null;
}

/** The source, as far as it changes: a snapshot while it is being made so. */
const ADOPTING = "adopting";

/** @param keys of names in the clone, with all that is below them; "" is everything. ENOENT: it is no clone, or has no such change. */
export async function adoptChanges(
  path: string,
  keys: readonly string[],
  context: TreeContext,
): Promise<AdoptSummary> {
  return await inWorkspace(path, context, async (clone) => {
    assertNotRestoring(context.home, clone);
    const record = readBase(context.home, clone.id);
    if (record === undefined) throw new VriftError("ENOENT", `${clone.root} was not cloned from anything`);
    return await inWorkspace(record.root, context, async (source) => {
      assertNotRestoring(context.home, source);
      const lease = context.store.lease();
      try {
        return await new Adoption(context, clone, source, lease).run(record, keys);
      } finally {
        lease.release();
      }
    });
  });
}

class Adoption {
  readonly #context: TreeContext;
  readonly #clone: WorkspaceInfo;
  readonly #source: WorkspaceInfo;
  readonly #lease: Lease;

  constructor(context: TreeContext, clone: WorkspaceInfo, source: WorkspaceInfo, lease: Lease) {
    this.#context = context;
    this.#clone = clone;
    this.#source = source;
    this.#lease = lease;
  }

  async run(record: SnapshotRecord, keys: readonly string[]): Promise<AdoptSummary> {
    const base = await readSnapshot(this.#context.store, record);
    const present = await readPresent(this.#context, this.#clone.root);
    const all = await differences(this.#clone.root, base, present);
    const chosen = chooseBelow(all, keys, this.#clone.root);
    const wanted = new Set(chosen.map(({ key }) => key));
    const captured = await this.#capture((key) => wanted.has(key) || present.names.get(key)?.type === "dir");
    const source = await readPresent(this.#context, this.#source.root);
    assertReadable(this.#source.root, source);
    const clone = new Map([...captured.tree].filter(([key]) => wanted.has(key)));
    const sides = {
      base: base.tree,
      clone,
      cloneNames: present.names,
      source,
      sourceRoot: this.#source.root,
    };
    const { take, same, conflicts } = await chooseAdopted(chosen, sides);
    const nothing = { workspace: this.#clone, source: this.#source.root, same, conflicts };
    if (conflicts.length > 0) return { ...nothing, adopted: [], kept: [], before: null };
    const kept = take.length === 0 ? [] : await this.#take(take, captured);
    if (chosen.length > 0) await this.#moveBase(base, record.root, [...take, ...same], captured);
    const adopted = chosen
      .filter(({ key }) => take.includes(key))
      .map(({ key, status }) => ({ key, status }));
    return { ...nothing, adopted, kept, before: take.length === 0 ? null : BEFORE_RESTORE };
  }

  async #capture(only: (key: string) => boolean): Promise<CapturedTree> {
    const captured = await captureTree(this.#context, this.#clone.root, this.#lease, { only });
    if (captured.settled) return captured;
    throw new VriftError(
      "EBUSY",
      `programs keep changing ${this.#clone.root}; end them and repeat the command`,
    );
  }

  /** A restore of the source to what it is to be, as far as these keys go. Resolves with the directories that stay. */
  async #take(keys: readonly string[], captured: CapturedTree): Promise<readonly string[]> {
    const { home, store } = this.#context;
    const tree = new Map<string, RecordedName>();
    for (const key of keys) {
      const name = captured.tree.get(key);
      if (name !== undefined) tree.set(key, alone(name));
    }
    const goal = { tree, stamps: new Map<string, string>(), notHeld: new Set<string>() };
    const options = { name: ADOPTING, root: this.#source.root, replace: true, scope: keys };
    const record = await storeSnapshot(this.#context, this.#source, goal, this.#lease, options);
    const { blocked, kept } = await restoreTo(this.#context, this.#source, ADOPTING, record);
    await deleteSnapshot(home, store, this.#source, ADOPTING);
    const [first] = blocked;
    if (first !== undefined)
      throw new VriftError("EBUSY", `something came in the way of ${first} in ${this.#source.root}`);
    return kept;
  }

  /** What was adopted is no difference any more, and a later edit in the source is no conflict with it. */
  async #moveBase(
    base: SnapshotContent,
    root: string,
    keys: readonly string[],
    captured: CapturedTree,
  ): Promise<void> {
    const tree = new Map(base.tree);
    const stamps = new Map(base.stamps);
    for (const key of keys) {
      const name = captured.tree.get(key);
      const stamp = captured.stamps.get(key);
      if (name === undefined) tree.delete(key);
      else tree.set(key, name);
      if (stamp === undefined) stamps.delete(key);
      else stamps.set(key, stamp);
    }
    const notHeld = new Set<string>();
    for (const [key, name] of tree) {
      if (name.type !== "file" || name.size === 0n) continue;
      this.#lease.add(hashFromHex(name.hash)!);
      if (this.#context.store.statBlob(blobOf(name)) === undefined) notHeld.add(key);
    }
    const options = { name: null, root, replace: true };
    await storeSnapshot(this.#context, this.#clone, { tree, stamps, notHeld }, this.#lease, options);
  }
}

function chooseBelow(all: readonly Difference[], keys: readonly string[], root: string): Difference[] {
  const isBelow = (key: string, top: string): boolean =>
    top === "" || key === top || key.startsWith(`${top}/`);
  for (const top of keys)
    if (top !== "" && !all.some(({ key }) => isBelow(key, top)))
      throw new VriftError(
        "ENOENT",
        `nothing has changed at ${top} in ${root}; \`vrift diff --name-status\` shows what has`,
      );
  return all.filter(({ key }) => keys.some((top) => isBelow(key, top)));
}

/** The source gets a file of its own: which others share its inode there is not ours to say. */
function alone(name: RecordedName): RecordedName {
  if (name.type !== "file" || name.linkedTo === undefined) return name;
  const { linkedTo: _group, ...own } = name;
  return own;
}
