/**
 * Records many files at once: roots, then manifest, then index, for the whole batch. An entry that does not hold is
 * refused by itself; the others stand.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { EntryId, ManifestRecord } from "../manifest/manifest.js";
import { ROOT_ID } from "../manifest/manifest.js";
import { VriftError, toVriftError } from "../platform/errors.js";
import { EMPTY_HASH, hashFromHex, hashToHex } from "../platform/hash.js";
import { pathToKey } from "../protocol/key.js";
import { isKernelName } from "./kernel-names.js";
import type { PhysicalName } from "./physical.js";
import { lookPhysical, nameOf, parentKey } from "./physical.js";
import { staysPhysical } from "./policy.js";
import { backedRecord, isDir, virtualRecord } from "./records.js";
import type { VirtualContent } from "./records.js";
import { ensureParent, foldWhiteouts } from "./refresh.js";
import type { Change, Tree } from "./tree.js";
import { commit } from "./tree.js";
import { isWhitedOut, whitedOutKeys } from "./whiteouts.js";
import type { AdoptEntry } from "./workspace.js";

/** Entries checked between two turns of the event loop (about 10 ms). */
const TURN = 512;

export interface Refused {
  readonly path: string;
  readonly reason: string;
}

export async function adopt(
  tree: Tree,
  entries: readonly AdoptEntry[],
  as: "virtual" | "backed",
): Promise<Refused[]> {
  if (as === "virtual" && tree.kind !== "phantom")
    throw new VriftError("VRIFT_NOT_PHANTOM", `${tree.root} is not a phantom workspace`);
  await foldWhiteouts(tree);
  const batch = new AdoptBatch(tree, as);
  for (let i = 0; i < entries.length; i++) {
    if (i % TURN === TURN - 1) await nextTurn();
    await batch.take(entries[i]!);
  }
  await batch.apply();
  return batch.refused;
}

class AdoptBatch {
  readonly refused: Refused[] = [];
  readonly #tree: Tree;
  readonly #as: "virtual" | "backed";
  readonly #changes = new Map<string, Change>();
  /** By key: content that the roots are to name, and the path as it was given. */
  readonly #stored = new Map<string, { readonly content: VirtualContent; readonly path: string }>();
  /** Keys of virtual entries whose file is there. */
  readonly #standing: string[] = [];
  readonly #directories = new Map<string, EntryId>();
  /**
   * Names that were removed before, with whiteouts that could not be folded yet, because a program holds their stripe. What is there now
   * was made since, and as virtual entries they would be taken for what was removed.
   */
  readonly #whitedOut: ReadonlySet<string>;
  readonly #nowNs = BigInt(Date.now()) * 1_000_000n;

  constructor(tree: Tree, as: "virtual" | "backed") {
    this.#tree = tree;
    this.#as = as;
    this.#whitedOut = as === "virtual" ? whitedOutKeys(tree) : new Set();
  }

  async take(entry: AdoptEntry): Promise<void> {
    try {
      const key = pathToKey(this.#tree.root, entry.path);
      const content = parseContent(entry);
      if (isWhitedOut(this.#whitedOut, key))
        throw new VriftError("EBUSY", `a program holds up the end of what was at ${key} before`);
      const parent = await this.#directory(key);
      const physical = lookPhysical(`${this.#tree.root}/${key}`);
      this.#changes.set(key, { parent, key, record: this.#record(key, parent, content, physical) });
      if (physical !== undefined && this.#as === "virtual") this.#standing.push(key);
      // Of a virtual entry it is looked for when the roots name it: once, and then it stays.
      const isStored = this.#as === "virtual" || this.#tree.store.statBlob(content) !== undefined;
      if (isStored && content.size > 0n) this.#stored.set(key, { content, path: entry.path });
      else this.#stored.delete(key);
    } catch (error) {
      this.refused.push({ path: entry.path, reason: toVriftError(error).toWire() });
    }
  }

  async apply(): Promise<void> {
    await this.#tree.roots.add([...this.#stored.values()].map(({ content }) => content.hash));
    if (this.#as === "virtual") await this.#refuseAbsent();
    // Until they are gone, the kernel answers for files that somebody may have open for writing (records.ts, `pending`).
    for (const key of this.#standing) if (this.#changes.has(key)) this.#tree.marks.bump(key);
    await commit(this.#tree, [...this.#changes.values()]);
  }

  /** The roots name it now, so that what is there stays (store/named-hashes.ts). */
  async #refuseAbsent(): Promise<void> {
    let looked = 0;
    for (const [key, { content, path }] of this.#stored) {
      if (++looked % TURN === 0) await nextTurn();
      if (this.#tree.store.statBlob(content) !== undefined) continue;
      this.#changes.delete(key);
      const error = new VriftError("ENOENT", `content ${hashToHex(content.hash)} is not in the store`);
      this.refused.push({ path, reason: error.toWire() });
    }
  }

  #record(
    key: string,
    parent: EntryId,
    content: VirtualContent,
    physical: PhysicalName | undefined,
  ): ManifestRecord {
    const before = this.#changes.get(key)?.record ?? this.#tree.manifest.get(parent, nameOf(key));
    if (before !== undefined && isDir(before)) throw new VriftError("EISDIR", `${key} is a directory`);
    if (physical === undefined && this.#as === "backed")
      throw new VriftError("ENOENT", `${key} is not there`);
    if (physical !== undefined) this.#assertSame(key, content, physical);
    const id = before?.id ?? this.#tree.manifest.nextId();
    if (this.#as === "backed") return backedRecord(id, physical!, content.hash);
    const facts = { key, validUtf8: true, type: "file", mode: content.mode, nlink: 1, xattr: false } as const;
    const reason = staysPhysical({ ...facts, ...this.#tree.owner }, this.#tree.owner);
    if (reason !== null) throw new VriftError("EINVAL", `${key} stays a plain file (${reason})`);
    return virtualRecord(id, content, this.#nowNs, physical);
  }

  /** Identity of the directory of a key; each directory is compared with the kernel once. */
  async #directory(key: string): Promise<EntryId> {
    if (key === "") throw new VriftError("EISDIR", "the root of a workspace is a directory");
    const parent = parentKey(key);
    const known = this.#directories.get(parent);
    if (known !== undefined) return known;
    // Those above first, so that each is looked at once in a batch and not for every directory below it.
    if (parent !== "") await this.#directory(parent);
    await ensureParent(this.#tree, key);
    const id = parent === "" ? ROOT_ID : this.#tree.manifest.find(parent)?.id;
    if (id === undefined) throw new VriftError("ENOENT", `${parent} is not in the workspace`);
    this.#directories.set(parent, id);
    return id;
  }

  #assertSame(key: string, content: VirtualContent, physical: PhysicalName): void {
    const { owner, foreign } = this.#tree;
    if (physical.type !== "file") throw new VriftError("EINVAL", `${key} is not a regular file`);
    if (isKernelName(key, physical, owner, foreign))
      throw new VriftError("EACCES", `${key} is left to the kernel`);
    if (
      physical.size !== content.size ||
      physical.mtimeNs !== content.mtimeNs ||
      physical.mode !== content.mode
    )
      throw new VriftError("EBUSY", `${key} changed after it was read`);
  }
}

function parseContent(entry: AdoptEntry): VirtualContent {
  const hash = hashFromHex(entry.hash);
  if (hash === undefined) throw new VriftError("EINVAL", "hash is not 64 hexadecimal digits");
  if (!/^\d{1,19}$/.test(entry.size)) throw new VriftError("EINVAL", "size is not a decimal number");
  if (!/^-?\d{1,19}$/.test(entry.mtimeNs)) throw new VriftError("EINVAL", "mtimeNs is not a decimal number");
  if (!isMode(entry.mode)) throw new VriftError("EINVAL", "mode is not st_mode & 07777");
  if (!Number.isInteger(entry.blocks) || entry.blocks < 0)
    throw new VriftError("EINVAL", "blocks is not a count");
  const size = BigInt(entry.size);
  if (size === 0n && !hash.equals(EMPTY_HASH))
    throw new VriftError("EINVAL", "size 0 does not go with this hash");
  return { hash, size, mtimeNs: BigInt(entry.mtimeNs), mode: entry.mode, blocks: entry.blocks };
}

function isMode(mode: number): boolean {
  return Number.isInteger(mode) && mode >= 0 && mode <= 0o7777;
}
