/** The C side of the index under sanitizers, and the addon's hash against the one written from docs/index-format.md. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomBytes, randomInt } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { checkingPrograms } from "../../test/checking-program.js";
import { native } from "../platform/native.js";
import { pathHashReference } from "./path-hash.js";

const seed = String(randomInt(2 ** 32));
let folder = "";
let program = "";

before(() => {
  folder = mkdtempSync(join(tmpdir(), "vrift-index-"));
  program = checkingPrograms(["index_check"]).index_check;
});
after(() => {
  rmSync(folder, { recursive: true, force: true });
});

function check(...given: string[]): string {
  const [what = "", ...rest] = given;
  return execFileSync(program, [what, join(folder, `${what}.index`), ...rest], {
    encoding: "utf8",
    timeout: 60_000,
  });
}

test("random changes and growth leave what a plain table says", () => {
  assert.match(check("model", seed), /grown/, `seed ${seed}`);
});

test("a truncated file is refused, and no damage leads the reader out of the file", () => {
  assert.match(check("hostile", seed), /accepted \d+, refused \d+/, `seed ${seed}`);
});

test("readers beside a writer see whole entries, every lasting name, and whole listings", () => {
  assert.match(check("race", "500"), /\d+ writes, \d+ moves, \d+ reads/);
});

test("the C hash is the documented one, at every length and for every byte", () => {
  for (let length = 0; length <= 300; length += 1) {
    const key = randomBytes(length);
    assert.equal(native.pathHash(key), pathHashReference(key), key.toString("hex"));
  }
  // The examples on the page were computed by a third implementation, in Python.
  const page = readFileSync(new URL("../../../docs/index-format.md", import.meta.url), "utf8");
  const examples = [...page.matchAll(/^\| `(.*)` \| `(0x[0-9a-f]{16})` \|$/gm)];
  assert.ok(examples.length >= 6);
  for (const [, key = "", hash = ""] of examples)
    assert.equal(native.pathHash(Buffer.from(key)), BigInt(hash), key);
});
