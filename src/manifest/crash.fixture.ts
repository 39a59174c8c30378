/**
 * A process for crash.test.ts to kill: applies changes as fast as it can and prints the number of each acknowledged one.
 * Arguments: directory, seed. File `n` is put with size n; every third change moves or removes an earlier one.
 */
import { writeSync } from "node:fs";
import { openManifest } from "./lmdb-manifest.js";
import { type ManifestChange, ROOT_ID } from "./manifest.js";

const [directory, from] = process.argv.slice(2);
const manifest = await openManifest(directory!, { commitDelayMs: 5 });

/** The change with this number, the same in every process. */
function changesOf(number: bigint): ManifestChange[] {
  const put: ManifestChange = {
    type: "put",
    parent: ROOT_ID,
    name: `n${number}`,
    record: {
      id: number + 1n,
      flags: 4,
      mode: 0o644,
      size: number,
      mtimeNs: number,
      ctimeNs: 0n,
      blocks: 0,
      hash: new Uint8Array(32),
      stamp: null,
    },
  };
  if (number % 3n !== 0n) return [put];
  const earlier = { parent: ROOT_ID, name: `n${number - 1n}` };
  if (number % 2n === 0n) return [put, { type: "remove", ...earlier }];
  return [put, { type: "move", ...earlier, toParent: ROOT_ID, toName: `moved${number}` }];
}

let next = BigInt(from!);
async function applyForever(): Promise<void> {
  for (;;) {
    const number = next++;
    await manifest.apply(changesOf(number));
    writeSync(1, `${number}\n`);
  }
}
await Promise.all([applyForever(), applyForever(), applyForever()]);
