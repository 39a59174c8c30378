/** Copies every file of a tree that the policy lets go into the store and hands the entries on, batch by batch. */
import type { ScanEntry } from "../platform/scan.js";
import type { ImportMethod } from "../store/store.js";
import type { PhysicalReason } from "../workspace/policy.js";
import type { AdoptEntry } from "../workspace/workspace.js";
import type { Refusal } from "./access.js";
import { chooseCandidates } from "./candidates.js";
import type { TreeContext } from "./context.js";
import { eachBatch } from "./each-batch.js";
import { totalSize } from "./take-batch.js";

export interface ImportSummary {
  readonly files: number;
  readonly bytes: bigint;
  readonly methods: Readonly<Partial<Record<ImportMethod, number>>>;
  readonly physical: Readonly<Partial<Record<PhysicalReason, number>>>;
  readonly refused: readonly Refusal[];
}

/**
 * Gets what is in the store, says what was not taken. The manifest's owner has the store on disk before it has the entries there
 * (lmdb-manifest.ts); nobody removes a file because of them.
 */
export type RecordEntries = (entries: readonly AdoptEntry[]) => Promise<readonly Refusal[]>;

/** `taken`: the keys that `record` accepted. Blobs are leased until it has answered. */
export async function importTree(
  root: string,
  scan: readonly ScanEntry[],
  context: TreeContext,
  record: RecordEntries,
): Promise<{ readonly taken: ReadonlySet<string>; readonly summary: ImportSummary }> {
  const { progress } = context;
  const counts = new ImportCounts();
  const candidates = chooseCandidates(root, scan, counts.stays);
  progress.begin("import", candidates.length, totalSize(candidates));
  await eachBatch(context, { root, candidates, how: "copy", stays: counts.stays }, async ({ taken }) => {
    counts.record(taken, await record(taken.map(({ entry }) => entry)));
    progress.advance(
      taken.length,
      taken.reduce((sum, { id }) => sum + id.size, 0n),
    );
  });
  return { taken: counts.taken, summary: counts.summary() };
}

class ImportCounts {
  readonly taken = new Set<string>();
  readonly #methods: Partial<Record<ImportMethod, number>> = {};
  readonly #physical: Partial<Record<PhysicalReason, number>> = {};
  readonly #refused: Refusal[] = [];
  #bytes = 0n;

  readonly stays = (reason: PhysicalReason): void => {
    this.#physical[reason] = (this.#physical[reason] ?? 0) + 1;
  };

  record(
    batch: readonly { readonly entry: AdoptEntry; readonly method: ImportMethod }[],
    refused: readonly Refusal[],
  ): void {
    this.#refused.push(...refused);
    const refusedPaths = new Set(refused.map(({ path }) => path));
    for (const { entry, method } of batch) {
      if (refusedPaths.has(entry.path)) continue;
      this.taken.add(entry.path);
      this.#bytes += BigInt(entry.size);
      this.#methods[method] = (this.#methods[method] ?? 0) + 1;
    }
  }

  summary(): ImportSummary {
    return {
      files: this.taken.size,
      bytes: this.#bytes,
      methods: this.#methods,
      physical: this.#physical,
      refused: this.#refused,
    };
  }
}
