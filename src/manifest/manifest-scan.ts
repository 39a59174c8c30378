/**
 * The committed entries of a manifest for a second thread of its owner's process, which changes nothing meanwhile: lmdb-js shares one
 * environment between the threads of a process. What is in the journal only is not seen: sync first.
 */
import { LmdbTable } from "./lmdb-table.js";
import { type ManifestRecord, ROOT_ID } from "./manifest.js";
import { KeyFinder, walkEntries } from "./walk.js";

export interface ManifestScan {
  /** The last change that is committed. */
  readonly sequence: bigint;
  /** Parents before children. */
  readonly entries: Iterable<readonly [key: string, record: ManifestRecord]>;
  close(): Promise<void>;
}

export function scanManifest(directory: string): ManifestScan {
  const table = new LmdbTable(directory, { sequence: 0n, count: 0, nextId: ROOT_ID + 1n });
  const source = {
    get: table.get.bind(table),
    *children(parent: bigint, after?: string): Generator<readonly [string, ManifestRecord]> {
      for (let position = after; ;) {
        const { items, last } = table.page(parent, position);
        yield* items;
        if (last) return;
        position = items.at(-1)![0];
      }
    },
  };
  return {
    sequence: table.state.sequence,
    entries: walkEntries(source, new KeyFinder(source), undefined),
    close: () => table.close(),
  };
}
