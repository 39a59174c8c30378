/** `vrift gc`: what it says, and that it lets go exactly what nobody needs. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { parseAge, ageText } from "../../src/cli/age.js";
import { parseBytes } from "../../src/cli/bytes-text.js";
import { openStore } from "../../src/store/content-store.js";
import type { BlobId, ContentStore, Lease } from "../../src/store/store.js";
import { TestHome } from "./vrift-process.js";

const home = new TestHome();
after(() => home.remove());

interface Amount {
  blobs: number;
  bytes: string;
}
interface Report {
  census: {
    all: Amount;
    garbage: Amount;
    young: Amount;
    swept: Amount;
    lists: (Amount & { alone: Amount })[];
  };
  swept?: { moved: Amount; deleted: Amount };
}

async function gc(args: string[], env: Record<string, string> = {}): Promise<Report> {
  const { stdout, stderr, code } = await home.vrift(["gc", "--json", ...args], { env });
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout) as Report;
}

test("a removed file's content goes when it is asked for, and comes back when it is needed", async () => {
  const none = await home.vrift(["gc"]);
  assert.equal(none.code, 1);
  assert.match(none.stderr, /^vrift: ENOENT: there is no store /);

  const path = join(home.work, "project");
  mkdirSync(path);
  for (const name of ["a", "b"]) writeFileSync(join(path, name), `content of ${name}\n`);
  assert.equal((await home.vrift(["phantom", path])).code, 0);
  const whole = await gc([]);
  assert.deepEqual(whole.census.garbage, { blobs: 0, bytes: "0" });
  assert.deepEqual(whole.census.lists[0]?.alone, { blobs: 2, bytes: "26" });

  const run = await home.vrift(["run", "--root", path, "rm", join(path, "a")]);
  assert.equal(run.code, 0, run.stderr);
  // The daemon hears of it a moment later.
  let dry = await gc([]);
  for (let i = 0; i < 100 && dry.census.garbage.blobs === 0; i++) dry = await gc([]);
  assert.deepEqual(dry.census.garbage, { blobs: 1, bytes: "13" });
  assert.deepEqual((await gc(["--older-than", "1h"])).census.young, { blobs: 1, bytes: "13" });
  assert.deepEqual((await gc(["--delete", "--older-than", "1h"])).swept?.moved, { blobs: 0, bytes: "0" });

  const graced = await gc(["--delete"]);
  assert.deepEqual(graced.swept, { moved: { blobs: 1, bytes: "13" }, deleted: { blobs: 0, bytes: "0" } });
  assert.deepEqual(graced.census.swept, { blobs: 1, bytes: "13" });
  const text = (await home.vrift(["gc"])).stdout;
  assert.match(text, /^.*the_source: 1 blob, 13 bytes\nwould go {6}0 blobs, 0 bytes, which nobody names\n/);
  assert.match(text, /\nin the trash {2}1 blob, 13 bytes, .* 1h after they were moved\nkept for\n/);
  assert.ok(
    text.includes(`\n  ${path}: 1 blob, 13 bytes; 1 blob, 13 bytes of them for nothing else\n`),
    text,
  );

  const deleted = await gc(["--delete"], { VRIFT_SWEEP_GRACE_SECONDS: "0" });
  assert.deepEqual(deleted.swept, { moved: { blobs: 0, bytes: "0" }, deleted: { blobs: 1, bytes: "13" } });
  assert.equal((await home.vrift(["solid", path])).code, 0);
  assert.equal(readFileSync(join(path, "b"), "utf8"), "content of b\n");
});

test("ages", () => {
  const ages: [string, number, string][] = [
    ["0", 0, "0s"],
    ["90", 90_000, "90s"],
    ["30m", 1_800_000, "30m"],
    ["12h", 43_200_000, "12h"],
    ["7d", 604_800_000, "1w"],
    ["2w", 1_209_600_000, "2w"],
    ["3600s", 3_600_000, "1h"],
  ];
  for (const [text, milliseconds, again] of ages) {
    assert.equal(parseAge(text, "--x"), milliseconds);
    assert.equal(ageText(milliseconds), again);
  }
  for (const text of ["", "h", "-1", "1.5h", "7 d", "1y", "1dd", "12345678901"])
    assert.throws(() => parseAge(text, "--x"), { code: "VRIFT_USAGE" });
});

test("sizes", () => {
  const sizes: [string, bigint][] = [
    ["0", 0n],
    ["17", 17n],
    ["2k", 2048n],
    ["500M", 524_288_000n],
    ["20GiB", 21_474_836_480n],
  ];
  for (const [text, bytes] of sizes) assert.equal(parseBytes(text, "--x"), bytes);
  for (const text of ["", "M", "-1", "1.5G", "1P", "1 G"])
    assert.throws(() => parseBytes(text, "--x"), { code: "VRIFT_USAGE" });
});

test("a size: only what was used longest ago goes, and nothing that is named", async () => {
  await gc(["--delete"]); // what the tests before have left
  const store = await openStore(join(home.home, ".vrift", "the_source"));
  const lease = store.lease();
  const [old, used, young] = [
    await put(store, lease, "old 4567"),
    await put(store, lease, "used 567"),
    await put(store, lease, "young 67"),
  ];
  await put(store, lease, "used 567");
  lease.release();
  const { bytes } = await store.usage();
  const none = await gc(["--delete", "--max-size", String(bytes)]);
  assert.equal(none.swept?.moved.blobs, 0);
  const one = await gc(["--delete", "--max-size", String(bytes - 1n)]);
  assert.deepEqual(one.swept?.moved, { blobs: 1, bytes: "8" });
  assert.ok(
    !existsSync(store.blobPath(old)) && existsSync(store.blobPath(used)) && existsSync(store.blobPath(young)),
  );
  assert.deepEqual((await gc(["--delete", "--max-size", "0"])).swept?.moved, { blobs: 2, bytes: "16" });
  assert.equal((await home.vrift(["gc", "--max-size", "0"])).code, 2);
  store.close();
});

test("a workspace whose directory is gone: named, and forgotten after a week unless the store has the only copy", async () => {
  const [solid, phantom] = [join(home.work, "solid"), join(home.work, "phantom")];
  for (const path of [solid, phantom]) {
    mkdirSync(path);
    writeFileSync(join(path, "a"), path);
  }
  assert.equal((await home.vrift(["ingest", solid])).code, 0);
  assert.equal((await home.vrift(["phantom", phantom])).code, 0);
  for (const path of [solid, phantom]) rmSync(path, { recursive: true });
  assert.match((await home.vrift(["gc"])).stdout, new RegExp(`^gone +${solid} \\(solid\\), since`, "m"));
  assert.match((await home.vrift(["gc", "--delete"])).stdout, /solid\), .*kept: gone for too short/);
  const db = join(home.home, ".vrift", "db");
  for (const id of readdirSync(db))
    if (existsSync(join(db, id, "gone"))) writeFileSync(join(db, id, "gone"), "1000\n");
  const { stdout } = await home.vrift(["gc", "--delete"]);
  assert.match(stdout, new RegExp(`^forgotten +${solid}, whose`, "m"));
  assert.match(stdout, new RegExp(`^gone +${phantom} .*kept: the store has the only copy of 1 files`, "m"));
  assert.doesNotMatch((await home.vrift(["list"])).stdout, new RegExp(`^${solid}$`, "m"));
});

async function put(store: ContentStore, lease: Lease, text: string): Promise<BlobId> {
  const id = await store.importBytes(Buffer.from(text), lease);
  // Times of use that a clock of 10 ms tells apart.
  await new Promise((resolve) => setTimeout(resolve, 20));
  return id;
}
