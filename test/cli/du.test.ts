/** `vrift du`: who uses how much of the store, as a table and as JSON. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { TestHome } from "./vrift-process.js";

const home = new TestHome();
after(() => home.remove());

interface Amount {
  blobs: number;
  bytes: string;
}
interface Usage {
  store: Amount;
  seen: { files: number; bytes: string };
  ratio: number;
  savedBytes: string;
  lists: {
    kind: string;
    root: string;
    seen: { files: number } | null;
    held: Amount;
    unique: Amount;
    shared: Amount;
  }[];
}

function project(name: string, files: Record<string, string>): string {
  const path = join(home.work, name);
  mkdirSync(join(path, "sub"), { recursive: true });
  for (const [key, text] of Object.entries(files)) writeFileSync(join(path, key), text);
  return path;
}

async function json<T>(args: string[]): Promise<T> {
  const { stdout, stderr, code } = await home.vrift([...args, "--json"]);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout) as T;
}

test("two projects with a common file, and a path of one of them", async () => {
  const one = project("one", {
    common: "0123456789",
    twice: "0123456789",
    "sub/own": "12345",
    "sub/run.sh": "",
  });
  const two = project("two", { common: "0123456789", other: "123" });
  for (const path of [one, two]) assert.equal((await home.vrift(["phantom", path])).code, 0);
  const usage = await json<Usage>(["du"]);
  assert.deepEqual(usage.store, { blobs: 3, bytes: "18" });
  assert.deepEqual([usage.seen, usage.savedBytes, usage.ratio], [{ files: 6, bytes: "38" }, "20", 38 / 18]);
  const list = (root: string): Usage["lists"][number] => usage.lists.find((each) => each.root === root)!;
  assert.deepEqual(
    [list(one).held, list(one).unique, list(one).shared].map(({ bytes }) => bytes),
    ["15", "5", "10"],
  );
  assert.deepEqual(
    [list(two).held, list(two).unique, list(two).shared].map(({ bytes }) => bytes),
    ["13", "3", "10"],
  );
  const { stdout } = await home.vrift(["du"]);
  assert.match(
    stdout,
    /the_source: 3 blobs, 18 bytes\nphantom workspaces see 6 files, 38 bytes: 2\.11 times that, 20 bytes saved\n/,
  );
  assert.match(stdout, new RegExp(`^ *4 +25 bytes +15 bytes +5 bytes +10 bytes +${one}$`, "m"));

  writeFileSync(join(one, "sub", "on disk"), "1234");
  const part = await json<Record<string, unknown>>(["du", join(one, "sub")]);
  assert.deepEqual(part["virtual"], { files: 2, bytes: "5" });
  assert.deepEqual(part["physical"], { files: 1, bytes: "4" });
  assert.deepEqual(
    [part["unique"], part["shared"]],
    [
      { blobs: 1, bytes: "5" },
      { blobs: 0, bytes: "0" },
    ],
  );
  const file = await json<Record<string, unknown>>(["du", join(one, "common")]);
  assert.deepEqual(
    [file["unique"], file["shared"]],
    [
      { blobs: 0, bytes: "0" },
      { blobs: 1, bytes: "10" },
    ],
  );
  assert.equal((await home.vrift(["du", join(one, "nothing")])).code, 1);
  assert.match(
    (await home.vrift(["du", one])).stdout,
    /in the store {2}4 files, 25 bytes; 2 blobs, 15 bytes of different/,
  );
});
