/** No room for LMDB's file: noticed before LMDB writes, or by LMDB itself. A limit on the size of files is the portable full disk. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { openManifest } from "./lmdb-manifest.js";
import { ROOT_ID } from "./manifest.js";

const fixture = fileURLToPath(new URL("spent.fixture.js", import.meta.url));

interface Seen {
  readonly acknowledged: readonly string[];
}

for (const [kind, secondSync, end] of [
  // Nothing was begun: it is tried again and succeeds.
  ["room", "EFBIG", "done"],
  // The journal has everything, and another process is wanted.
  ["lmdb", "done", "spent"],
] as const) {
  test(`refused with the reason, read as ever, nothing lost: ${kind}`, { timeout: 60_000 }, async (t) => {
    const base = mkdtempSync(join(tmpdir(), "vrift-spent-"));
    t.after(() => rmSync(base, { recursive: true }));
    const directory = join(base, "db");
    const run = promisify(execFile)(process.execPath, [fixture, directory, kind], { maxBuffer: 1 << 24 });
    const { stdout } = await run;
    const { acknowledged, ...seen } = JSON.parse(stdout) as Seen;
    const expected = { sync: "EFBIG", change: "EFBIG", readable: true, children: 2050, secondSync, end };
    assert.deepEqual(seen, { ...expected, close: "done" });
    const manifest = await openManifest(directory, { onDamage: (error) => assert.fail(error) });
    assert.deepEqual(
      [...manifest.children(ROOT_ID)].map(([name]) => name),
      [...acknowledged].sort(),
    );
    assert.equal(manifest.count(), acknowledged.length);
    await manifest.sync();
    await manifest.close();
  });
}
