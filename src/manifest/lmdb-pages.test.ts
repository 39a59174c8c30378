/** A manifest's file may be shorter than its meta page says, and is damaged only when a page in use is missing. */
import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { below, seededRandom } from "../../test/random-message.js";
import { readLmdbMeta } from "./lmdb-file.js";
import { openManifest } from "./lmdb-manifest.js";
import { ROOT_ID } from "./manifest.js";
import type { ManifestRecord } from "./manifest.js";

const PAGE = 4096;
const base = mkdtempSync(join(tmpdir(), "vrift-pages-"));
after(() => rmSync(base, { recursive: true, force: true }));

function record(id: bigint): ManifestRecord {
  const times = { mtimeNs: 1n, ctimeNs: 0n };
  return { id, flags: 1, mode: 0o755, size: 0n, ...times, blocks: 0, hash: new Uint8Array(32), stamp: null };
}

interface Found {
  readonly directory: string;
  readonly names: string[];
}

/** A young manifest whose last commit has given back the last page that the file has. */
async function shortOne(random: () => number): Promise<Found> {
  for (let round = 0; ; round++) {
    assert.ok(round < 200, "no short file came about");
    const directory = join(base, `round${round}`);
    const manifest = await openManifest(directory);
    await manifest.setMeta("large", "7".repeat(20_000));
    const names: string[] = [];
    for (let i = 0, made = 0; i < 25; i++) {
      for (let step = below(random, 3); step >= 0; step--) {
        const count = 1 + below(random, 60);
        const put = names.length < 100 && random() < 0.55;
        const some = put ? Array.from({ length: count }, () => `name ${made++}`) : names.splice(0, count);
        if (put) names.push(...some);
        await manifest.apply(
          some.map((name) =>
            put
              ? { type: "put", parent: ROOT_ID, name, record: record(BigInt(1000 + made++)) }
              : { type: "remove", parent: ROOT_ID, name },
          ),
        );
      }
      await manifest.sync();
      const copy = join(base, "short");
      cpSync(directory, copy, { recursive: true });
      const file = join(copy, "data.mdb");
      const used = (Number(readLmdbMeta(file)!.lastPage) + 1) * PAGE;
      truncateSync(file, Math.min(used, statSync(file).size) - PAGE);
      if (!(await isSound(copy))) {
        rmSync(copy, { recursive: true });
        continue;
      }
      await manifest.close();
      return { directory: copy, names: [...names] };
    }
    await manifest.close();
    rmSync(directory, { recursive: true });
  }
}

async function isSound(directory: string): Promise<boolean> {
  const copy = `${directory}.opened`;
  cpSync(directory, copy, { recursive: true });
  try {
    await (await openManifest(copy)).close();
    return true;
  } catch (error) {
    assert.equal((error as { code?: string }).code, "VRIFT_DAMAGED");
    return false;
  } finally {
    rmSync(copy, { recursive: true });
  }
}

test("a file that lacks pages that nobody uses is sound; one that lacks another is damaged", async () => {
  const seed = Number(process.env["VRIFT_TEST_SEED"] ?? Date.now() % 2 ** 31);
  const { directory, names } = await shortOne(seededRandom(seed));
  const pages = readFileSync(join(directory, "data.mdb")).length / PAGE;
  let sound = 0;
  for (let kept = pages; kept >= 2; kept--) {
    const cut = join(base, `kept${kept}`);
    cpSync(directory, cut, { recursive: true });
    truncateSync(join(cut, "data.mdb"), kept * PAGE);
    try {
      const manifest = await openManifest(cut);
      const there = [...manifest.entries()].map(([key]) => key).filter((key) => key !== "");
      assert.deepEqual(there.sort(), [...names].sort(), `seed ${seed}, ${kept} of ${pages} pages`);
      assert.equal(manifest.getMeta("large"), "7".repeat(20_000));
      await manifest.close();
      sound++;
    } catch (error) {
      assert.equal((error as { code?: string }).code, "VRIFT_DAMAGED", `seed ${seed}: ${String(error)}`);
    }
    rmSync(cut, { recursive: true });
  }
  assert.ok(sound > 0 && sound < pages - 2, `seed ${seed}: sound with ${sound} of ${pages} lengths`);
});
