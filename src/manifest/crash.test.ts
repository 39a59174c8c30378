/** Nothing acknowledged is missing after kill -9, and the manifest is what the changes up to some point make it. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { openManifest } from "./lmdb-manifest.js";
import { type Manifest, ROOT_ID } from "./manifest.js";

const fixture = fileURLToPath(new URL("crash.fixture.js", import.meta.url));
const ROUNDS = 8;

/** Runs the fixture until it is killed; resolves with the highest number it had acknowledged. */
async function applyUntilKilled(directory: string, from: bigint, ms: number): Promise<bigint> {
  const child = spawn(process.execPath, [fixture, directory, String(from)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  let timer: NodeJS.Timeout | undefined;
  child.stdout.on("data", (chunk: Buffer) => {
    text += chunk.toString("latin1");
    timer ??= setTimeout(() => child.kill("SIGKILL"), ms);
  });
  await new Promise((resolve, reject) => child.on("close", resolve).on("error", reject));
  assert.equal(child.signalCode, "SIGKILL");
  const numbers = text.slice(0, text.lastIndexOf("\n")).split("\n").map(BigInt);
  return numbers.reduce((a, b) => (a > b ? a : b));
}

/** The names that changes 1 to `last` leave. */
function expectedNames(last: bigint): Map<string, bigint> {
  const names = new Map<string, bigint>();
  for (let number = 1n; number <= last; number++) {
    names.set(`n${number}`, number);
    if (number % 3n !== 0n) continue;
    const earlier = `n${number - 1n}`;
    const size = names.get(earlier)!;
    names.delete(earlier);
    if (number % 2n !== 0n) names.set(`moved${number}`, size);
  }
  return names;
}

function assertIs(manifest: Manifest, expected: Map<string, bigint>): void {
  const found = new Map([...manifest.children(ROOT_ID)].map(([name, { size }]) => [name, size]));
  assert.equal(found.size, expected.size);
  for (const [name, size] of expected) assert.equal(found.get(name), size, name);
  assert.equal(manifest.count(), expected.size);
}

test("kill -9 at random moments", { timeout: 60_000 }, async () => {
  const base = mkdtempSync(join(tmpdir(), "vrift-crash-"));
  const directory = join(base, "db");
  try {
    let last = 0n;
    for (let round = 0; round < ROUNDS; round++) {
      const acknowledged = await applyUntilKilled(directory, last + 1n, 10 + Math.random() * 150);
      assert.ok(acknowledged > last);
      const damage: string[] = [];
      const manifest = await openManifest(directory, { onDamage: (error) => damage.push(error.message) });
      assert.deepEqual(damage, []);
      assert.ok(manifest.sequence >= acknowledged, `${manifest.sequence} of ${acknowledged}`);
      last = manifest.sequence;
      assertIs(manifest, expectedNames(last));
      assert.ok(manifest.nextId() > last);
      // Every other round goes on from the journal as it was left.
      if (round % 2 === 0) await manifest.close();
      else await manifest.sync();
      if (round % 2 !== 0) await manifest.close();
    }
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
});
