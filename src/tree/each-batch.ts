/** While one batch is recorded, and its files leave the tree, the next one is taken. */
import type { TreeContext } from "./context.js";
import type { Candidate } from "./take-batch.js";
import { type TakenBatch, type TakerOptions, openTaker } from "./taker.js";

/**
 * `settle` gets one batch after the other, each under its lease; never two at a time. When it fails, what was taken of the next one
 * is as a kill leaves it (docs/tree.md).
 *
 * A file that has the content of another one, which is linked and has not left yet, waits until that has: a copy in its place
 * would take the other one's link away while it leaves. What still waits when nothing else is to be done (the other one has stayed, or
 * is of another tree) is imported by copy.
 */
export async function eachBatch(
  context: TreeContext,
  options: TakerOptions,
  settle: (batch: TakenBatch) => Promise<void>,
): Promise<void> {
  let { candidates } = options;
  while (candidates.length > 0) {
    const later = await eachOf(context, { ...options, candidates }, settle);
    if (later.length === candidates.length) {
      await eachOf(context, { ...options, candidates, how: "copy" }, settle);
      return;
    }
    candidates = later;
  }
}

async function eachOf(
  context: TreeContext,
  options: TakerOptions,
  settle: (batch: TakenBatch) => Promise<void>,
): Promise<Candidate[]> {
  const { candidates } = options;
  const later: Candidate[] = [];
  const taker = openTaker(context, options);
  let coming: Promise<TakenBatch> | undefined = taker.take(0);
  try {
    while (coming !== undefined) {
      const batch: TakenBatch = await coming;
      later.push(...batch.later);
      coming = batch.next < candidates.length ? taker.take(batch.next) : undefined;
      coming?.catch(() => undefined); // heard of when its turn comes
      try {
        await settle(batch);
      } finally {
        batch.release();
      }
    }
    return later;
  } finally {
    await coming?.then(
      (batch) => batch.release(),
      () => undefined,
    );
    await taker.close();
  }
}
