/** Who uses how much of the store: `vrift du`. Amounts are lengths of content, not blocks. docs/store.md, "Reports". */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { VriftError } from "../platform/errors.js";
import { hashFromHex } from "../platform/hash.js";
import { PROJECT_DIR } from "../platform/paths.js";
import { scanTree } from "../platform/scan.js";
import { holdsContent, storeLayout } from "../store/blob-names.js";
import { HashSet } from "../store/hash-set.js";
import { RootsReader } from "../store/roots-reader.js";
import type { Amount } from "../store/store.js";
import { Turns } from "../store/turns.js";
import { listSnapshots, readBase } from "../workspace/snapshots.js";
import type { WorkspaceInfo } from "../workspace/workspace.js";
import type { TreeContext } from "./context.js";

export interface Files {
  readonly files: number;
  readonly bytes: bigint;
}

export interface ListUsage {
  readonly kind: "phantom" | "solid" | "snapshot" | "base" | "unknown";
  /** null for a list that no workspace of this home has. */
  readonly root: string | null;
  /** Of a snapshot; the name of the list of an unknown one. */
  readonly name: string | null;
  /** As programs see them. Of a solid workspace null: they are on disk, whatever the store has. */
  readonly seen: Files | null;
  /** Content that it names, each once; of that, what nothing else names; the rest. */
  readonly held: Amount;
  readonly unique: Amount;
  readonly shared: Amount;
}

export interface StoreUsage {
  readonly store: Amount;
  /** Of it, what nobody names. */
  readonly garbage: Amount;
  readonly lists: readonly ListUsage[];
  /** Sum of what phantom workspaces see. */
  readonly seen: Files;
  /** `seen` over `store`, in bytes; 0 for an empty store. */
  readonly ratio: number;
  /** What the same files would take more, each for itself. Negative: the store has more than phantom workspaces need. */
  readonly savedBytes: bigint;
}

/** Errors as `census`. */
export async function storeUsage(
  { home, store }: Pick<TreeContext, "home" | "store">,
  workspaces: readonly WorkspaceInfo[],
): Promise<StoreUsage> {
  const { all, garbage, young, leased, lists } = await store.census();
  const owners = ownersOf(home, workspaces);
  const seen = workspaces.reduce(
    (sum, { kind, virtualEntries, virtualBytes }) =>
      kind === "phantom"
        ? { files: sum.files + virtualEntries, bytes: sum.bytes + BigInt(virtualBytes) }
        : sum,
    { files: 0, bytes: 0n },
  );
  return {
    store: plain(all),
    garbage: sum(sum(garbage, young), leased),
    lists: lists.map(({ name, alone, blobs, bytes }) => ({
      ...(owners.get(name) ?? { kind: "unknown", root: null, name, seen: null }),
      held: { blobs, bytes },
      unique: plain(alone),
      shared: { blobs: blobs - alone.blobs, bytes: bytes - alone.bytes },
    })),
    seen,
    ratio: all.bytes === 0n ? 0 : Number(seen.bytes) / Number(all.bytes),
    savedBytes: seen.bytes - all.bytes,
  };
}

export interface PathUsage {
  readonly root: string;
  /** "" for the whole workspace. */
  readonly key: string;
  /** Files that are content of the store only, as programs see them. */
  readonly virtual: Files;
  /** Files that are on disk. */
  readonly physical: Files;
  /** Content of the virtual ones, each once; what would be free if they went; the rest. */
  readonly held: Amount;
  readonly unique: Amount;
  readonly shared: Amount;
}

/** Of a file or directory of a workspace. ENOENT; VRIFT_DAMAGED when a list cannot be read. */
export async function pathUsage(context: TreeContext, root: string, key: string): Promise<PathUsage> {
  const { access, store } = context;
  const { id, kind } = await access.open(root);
  await access.sync(root);
  const elsewhere = await namedBesides(store.path, id);
  const isBelow = (path: string): boolean => key === "" || path === key || path.startsWith(`${key}/`);
  const own = new Map<string, bigint>();
  const virtual = { files: 0, bytes: 0n };
  if (kind === "phantom")
    for (let after = ""; ;) {
      const page = await access.entries(root, after, PAGE);
      if (page.length === 0) break;
      for (const { path, hash, size } of page) {
        if (isBelow(path)) {
          virtual.files += 1;
          virtual.bytes += BigInt(size);
          if (size !== "0") own.set(hash, BigInt(size));
        } else elsewhere.add(hashFromHex(hash)!);
      }
      after = page.at(-1)!.path;
    }
  const [held, unique] = [
    { blobs: 0, bytes: 0n },
    { blobs: 0, bytes: 0n },
  ];
  for (const [hash, size] of own)
    for (const amount of elsewhere.has(hashFromHex(hash)!) ? [held] : [held, unique]) {
      amount.blobs += 1;
      amount.bytes += size;
    }
  const physical = await filesBelow(root, isBelow);
  if (key !== "" && virtual.files === 0 && physical === undefined)
    throw new VriftError("ENOENT", `the workspace ${root} has no ${key}`);
  const shared = { blobs: held.blobs - unique.blobs, bytes: held.bytes - unique.bytes };
  return { root, key, virtual, physical: physical ?? { files: 0, bytes: 0n }, held, unique, shared };
}

const PAGE = 2000;

type Owner = Pick<ListUsage, "kind" | "root" | "name" | "seen">;

/** Which workspace or snapshot a list belongs to, by its name. */
function ownersOf(home: TreeContext["home"], workspaces: readonly WorkspaceInfo[]): Map<string, Owner> {
  const owners = new Map<string, Owner>();
  for (const info of workspaces) {
    const { id, root, kind, virtualEntries, virtualBytes } = info;
    const seen = kind === "phantom" ? { files: virtualEntries, bytes: BigInt(virtualBytes) } : null;
    owners.set(id, { kind, root, name: null, seen });
    for (const { name, roots, files, bytes } of listSnapshots(home, info))
      owners.set(roots, { kind: "snapshot", root, name, seen: { files, bytes: BigInt(bytes) } });
    const base = readBase(home, id);
    if (base !== undefined) owners.set(base.roots, { kind: "base", root, name: null, seen: null });
  }
  return owners;
}

/** What all lists but one name. */
async function namedBesides(source: string, id: string): Promise<HashSet> {
  const { roots } = storeLayout(source);
  const named = new HashSet();
  const turns = new Turns();
  for (const name of readdirSync(roots)) {
    if (name === id || !holdsContent(name)) continue;
    const list = RootsReader.open(join(roots, name));
    try {
      await list?.read(named, turns);
    } finally {
      list?.close();
    }
  }
  return named;
}

/** undefined: no name on disk is there. */
async function filesBelow(root: string, isBelow: (key: string) => boolean): Promise<Files | undefined> {
  let found: { files: number; bytes: bigint } | undefined;
  for (const { key, type, size } of await scanTree(root, [PROJECT_DIR])) {
    if (!isBelow(key) || key === PROJECT_DIR) continue;
    found ??= { files: 0, bytes: 0n };
    if (type !== "file") continue;
    found.files += 1;
    found.bytes += size;
  }
  return found;
}

function sum(a: Amount, b: Amount): Amount {
  return { blobs: a.blobs + b.blobs, bytes: a.bytes + b.bytes };
}

function plain({ blobs, bytes }: Amount): Amount {
  return { blobs, bytes };
}
