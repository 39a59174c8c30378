/** The names in the store's directories of blobs, however many there are. */
import type { Dirent } from "node:fs";
import { opendir } from "node:fs/promises";
import { join } from "node:path";
import { isErrno } from "../platform/files.js";
import { type StoreLayout, isShardName, parseBlobName } from "./blob-names.js";
import type { BlobId } from "./store.js";
import type { SweptPlace } from "./swept-blob.js";

/** Names read from a directory at once. */
const NAMES = 1024;

export interface ListedBlob extends BlobId, SweptPlace {}

/** Blobs below `directory`, in no order, in the shard where lookups expect them; everything else there is not ours. */
export async function* blobsIn(layout: StoreLayout, directory: string): AsyncGenerator<ListedBlob> {
  for await (const { name: shard } of entries(directory)) {
    if (!isShardName(shard)) continue;
    for await (const entry of entries(join(directory, shard))) {
      const id = entry.isFile() ? parseBlobName(entry.name) : undefined;
      if (id === undefined || id.size === 0n || !entry.name.startsWith(shard)) continue;
      const blob = join(layout.blobs, shard, entry.name);
      yield { ...id, shard, blob, swept: join(layout.trash, shard, entry.name) };
    }
  }
}

/** A part of the names at a time. */
async function* entries(directory: string): AsyncGenerator<Dirent> {
  try {
    yield* await opendir(directory, { bufferSize: NAMES });
  } catch (error) {
    if (!isErrno(error, "ENOENT", "ENOTDIR")) throw error;
  }
}
