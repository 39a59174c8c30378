/** `vrift gc`: what it says, and that it lets go exactly what nobody needs. */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { parseAge, ageText } from "../../src/cli/age.js";
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
