/** Which of what nobody names has to go for the store to be small enough: what was used longest ago first. */
import type { StoreLayout } from "./blob-names.js";
import { statFile } from "./blobs.js";
import { HashSet } from "./hash-set.js";
import { blobsIn } from "./list-blobs.js";
import { NamedHashes } from "./named-hashes.js";
import type { ContentHashes } from "./store.js";
import { Turns } from "./turns.js";

/**
 * Hashes of the unnamed blobs that were used longest ago (by the inode's ctime, as swept-blob.ts), as many as it takes to
 * bring the content in their places down to `maxBytes`; all of them when that is not enough. VRIFT_DAMAGED as a sweep, which
 * looks again at who names them.
 */
export async function chooseEviction(layout: StoreLayout, maxBytes: bigint): Promise<ContentHashes> {
  const turns = new Turns();
  const named = new NamedHashes(layout, turns);
  const unnamed: { readonly hash: Uint8Array; readonly size: bigint; readonly usedNs: bigint }[] = [];
  let over = -maxBytes;
  try {
    await named.refresh();
    for await (const { hash, size, blob } of blobsIn(layout, layout.blobs)) {
      over += size;
      if (!named.has(hash)) unnamed.push({ hash, size, usedNs: statFile(blob)?.ctimeNs ?? 0n });
      await turns.pause();
    }
  } finally {
    named.close();
  }
  unnamed.sort((a, b) => (a.usedNs < b.usedNs ? -1 : 1));
  const chosen = new HashSet();
  for (const { hash, size } of unnamed) {
    if (over <= 0n) break;
    chosen.add(hash);
    over -= size;
  }
  return chosen;
}
