import assert from "node:assert/strict";
import {
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { hashBytes } from "../platform/hash.js";
import { scanLog } from "../platform/record-log.js";
import { openStore } from "./content-store.js";
import { openRoots } from "./roots.js";
import type { Roots } from "./store.js";

let base: string;
let path: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "vrift-roots-"));
  path = join(base, "workspace");
});
afterEach(() => {
  rmSync(base, { recursive: true, force: true });
});

const hashes = Array.from({ length: 20 }, (_, index) => hashBytes(Buffer.from(`content ${index}`)));

test("additions are there after a kill, once each", async () => {
  const roots = await openRoots(path);
  await roots.add(hashes.slice(0, 5));
  await roots.add(hashes.slice(3, 8));
  const length = statSync(path).size;
  await roots.add(hashes.slice(0, 8));
  assert.equal(statSync(path).size, length, "nothing new, nothing written");
  assert.equal(statSync(path).mode & 0o777, 0o600);
  const again = await openRoots(path); // the first one was never closed
  assert.equal(again.size, 8);
  for (const [index, hash] of hashes.entries()) assert.equal(again.has(hash), index < 8);
  await again.add(hashes.slice(8, 9));
  again.close();
  const third = await openRoots(path);
  assert.equal(third.size, 9);
  third.close();
  roots.close();
});

test("replace, add, remove", async () => {
  const roots = await openRoots(path);
  await roots.add(hashes);
  await roots.replace(hashes.slice(10));
  assert.equal(roots.size, 10);
  assert.ok(!roots.has(hashes[0]!));
  await roots.add([hashes[0]!]);
  roots.close();
  const again = await openRoots(path);
  assert.deepEqual([again.size, again.has(hashes[0]!), again.has(hashes[1]!)], [11, true, false]);
  await again.replace([]);
  assert.equal(again.size, 0);
  await again.remove();
  assert.deepEqual(readdirSync(base), []);
});

/** Each hash when the event loop has had a turn, and `meanwhile` before the one in the middle. */
function* slowly(given: readonly Buffer[], meanwhile: () => void): Generator<Buffer> {
  for (const [index, hash] of given.entries()) {
    if (index === given.length >> 1) meanwhile();
    for (const until = performance.now() + 5; performance.now() < until;); // so that the next one is in another slice
    yield hash;
  }
}

test("what is added while a list is replaced is in the new one, also what the old one had", async () => {
  const roots = await openRoots(path);
  await roots.add(hashes.slice(0, 10));
  const adding: Promise<void>[] = [];
  const replacing = roots.replace(
    slowly(hashes.slice(0, 4), () => adding.push(roots.add([hashes[7]!, hashes[12]!, hashes[0]!]))),
  );
  await assert.rejects(roots.replace([]), { code: "EBUSY" });
  await replacing;
  await Promise.all(adding);
  await roots.add([hashes[14]!]);
  const kept = [0, 1, 2, 3, 7, 12, 14];
  const assertKept = (list: Roots): void => {
    assert.equal(list.size, kept.length);
    for (const [index, hash] of hashes.entries())
      assert.equal(list.has(hash), kept.includes(index), `${index}`);
  };
  assertKept(roots);
  const again = await openRoots(path); // nothing was closed
  assertKept(again);
  again.close();
  roots.close();
});

test("a replacement that fails leaves the list, and what was added to it meanwhile", async () => {
  const roots = await openRoots(path);
  await roots.add(hashes.slice(0, 2));
  function* failing(): Generator<Buffer> {
    yield hashes[3]!;
    void roots.add([hashes[5]!]);
    throw new Error("unreadable");
  }
  await assert.rejects(roots.replace(failing()), { message: "unreadable" });
  await roots.add([hashes[6]!]);
  const again = await openRoots(path);
  assert.deepEqual(
    hashes.flatMap((hash, index) => (again.has(hash) ? [index] : [])),
    [0, 1, 5, 6],
  );
  assert.deepEqual(readdirSync(base), ["workspace"]);
  again.close();
  roots.close();
});

test("what a killed writer left of a new list is removed by the next one, and nothing else", async () => {
  const others = [".workspace.2.1.1.tmp", ".other.1.1.tmp", "workspace.2"];
  for (const name of [".workspace.123.4.tmp", ...others]) writeFileSync(join(base, name), "");
  (await openRoots(path)).close();
  assert.ok(readdirSync(base).includes(".workspace.123.4.tmp"), "a new list has had no writer before");
  (await openRoots(path)).close();
  assert.deepEqual(readdirSync(base).sort(), [...others, "workspace"].sort());
});

test("a list of more than one record", async () => {
  const many = Array.from({ length: 70_000 }, (_, index) => hashBytes(Buffer.from(`many ${index}`)));
  const roots = await openRoots(path);
  await roots.add(many);
  assert.equal(roots.size, many.length);
  await roots.replace(many.slice(1));
  roots.close();
  assert.equal(scanLog(readFileSync(path)).records.length, 3);
  const again = await openRoots(path);
  assert.equal(again.size, many.length - 1);
  assert.ok(again.has(many.at(-1)!));
  again.close();
});

test("a torn tail is cut at every length; what was acknowledged before stands", async () => {
  const roots = await openRoots(path);
  await roots.add(hashes.slice(0, 2));
  await roots.add(hashes.slice(2, 5));
  roots.close();
  const bytes = readFileSync(path);
  const { start } = scanLog(bytes).records.at(-1)!;
  for (let length = start; length < bytes.length; length++) {
    writeFileSync(path, bytes.subarray(0, length));
    const cut = await openRoots(path);
    assert.equal(cut.size, 2);
    await cut.add(hashes.slice(9, 10));
    cut.close();
    const again = await openRoots(path);
    assert.equal(again.size, 3);
    again.close();
  }
});

test("damage anywhere is VRIFT_DAMAGED, and the file is left as it is", async () => {
  const roots = await openRoots(path);
  await roots.add(hashes.slice(0, 2));
  await roots.add(hashes.slice(2, 4));
  roots.close();
  const bytes = readFileSync(path);
  for (let at = 0; at < bytes.length; at += 3) {
    const flipped = Buffer.from(bytes);
    flipped[at] = flipped[at]! ^ 4;
    writeFileSync(path, flipped);
    await assert.rejects(openRoots(path), { code: "VRIFT_DAMAGED" }, `byte ${at}`);
    assert.ok(readFileSync(path).equals(flipped));
  }
  // Made, and lost with its first bytes.
  truncateSync(path, 0);
  await assert.rejects(openRoots(path), { code: "VRIFT_DAMAGED" });
});

test("the store keeps names of roots to what a file name may be", async () => {
  const store = await openStore(join(base, "source"));
  for (const name of ["", ".", "..", ".hidden", "a/b", "a".repeat(65), "a b"]) {
    await assert.rejects(store.roots(name), { code: "EINVAL" }, name);
  }
  const roots = await store.roots("0123456789abcdef0123456789abcdef");
  await roots.add([hashes[0]!]);
  assert.deepEqual(store.rootNames(), ["0123456789abcdef0123456789abcdef"]);
  roots.close();
  writeFileSync(join(store.path, "roots", "damaged"), "no records at all, and too long to be a torn header");
  await assert.rejects(store.roots("damaged"), { code: "VRIFT_DAMAGED" });
  await store.removeRoots("damaged");
  await store.removeRoots("damaged");
  assert.equal(store.rootNames().length, 1);
  store.close();
});
