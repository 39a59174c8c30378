/** `vrift verify`: the store is looked at, what is damaged leaves it, what is missing is made again where it can be. docs/verify.md. */
import { hashToHex } from "../platform/hash.js";
import type { BlobId } from "../store/store.js";
import { type DamagedList, damagedLists } from "../store/damaged-lists.js";
import { type VerifiedBlobs, verifyBlobs } from "../store/verify.js";
import { knownWorkspaces } from "../workspace/known.js";
import { placeState } from "../workspace/forget.js";
import type { TreeContext } from "./context.js";
import { type ContentUse, type Unread, eachNamedContent } from "./named-content.js";
import { repair } from "./repair.js";

export interface VerifyOptions {
  readonly full: boolean;
  readonly restart: boolean;
  /** A directory that may have what is lost, besides those of the workspaces. */
  readonly from?: string;
}

export interface NamedContent {
  /** 64 hexadecimal digits. */
  readonly hash: string;
  readonly size: bigint;
  readonly uses: readonly ContentUse[];
}

export interface VerifyReport {
  readonly blobs: VerifiedBlobs;
  /** Was missing, and was made again from a file. */
  readonly repaired: readonly (NamedContent & { readonly from: string })[];
  /** Somebody needs it, and nobody has it. */
  readonly lost: readonly NamedContent[];
  /** As long as they lie there, nothing is swept. */
  readonly lists: readonly DamagedList[];
  /** Workspaces and snapshots of which it is not known what they need. */
  readonly unread: readonly Unread[];
}

/** EBUSY: another process verifies the store. */
export async function verify(context: TreeContext, options: VerifyOptions): Promise<VerifyReport> {
  const { store, progress, home } = context;
  const { blobs, bytes } = await store.usage();
  progress.begin("verify", blobs, options.full ? bytes : 0n);
  const verified = await verifyBlobs(store.path, {
    full: options.full,
    restart: options.restart,
    each: (files, size) => progress.advance(files, options.full ? BigInt(size) : 0n),
  });
  const lists = await damagedLists(store.path);
  progress.begin("register", 0, 0n);
  const missing = new Map<string, { id: BlobId; uses: ContentUse[] }>();
  const unread = await eachNamedContent(context, (id, use) => {
    const hex = hashToHex(id.hash);
    const known = missing.get(hex);
    if (known !== undefined) known.uses.push(use);
    else if (store.statBlob(id) === undefined) missing.set(hex, { id, uses: [use] });
  });
  const directories = knownWorkspaces(home)
    .filter((info) => placeState(info) !== "gone")
    .map(({ root }) => root);
  const found = await repair(
    context,
    [...missing.values()].map(({ id }) => id),
    [...(options.from === undefined ? [] : [options.from]), ...directories],
  );
  const named = [...missing].map(([hash, { id, uses }]) => ({ hash, size: id.size, uses }));
  return {
    blobs: verified,
    repaired: named.flatMap((one) => {
      const from = found.get(one.hash);
      return from === undefined ? [] : [{ ...one, from }];
    }),
    lost: named.filter(({ hash }) => !found.has(hash)),
    lists,
    unread,
  };
}
