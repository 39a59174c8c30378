/** The C side of the index under sanitizers, and the addon's hash against the one written from docs/index-format.md. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { randomBytes, randomInt } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { native } from "../platform/native.js";
import { pathHashReference } from "./path-hash.js";

const nativeFolder = fileURLToPath(new URL("../../../native/", import.meta.url));
const seed = String(randomInt(2 ** 32));
let folder = "";
let program = "";

before(() => {
  folder = mkdtempSync(join(tmpdir(), "vrift-index-"));
  program = join(folder, "index-check");
  const build = (sanitize: string) =>
    spawnSync("make", ["-s", "-C", nativeFolder, program, `INDEX_CHECK=${program}`, `SANITIZE=${sanitize}`], {
      encoding: "utf8",
    });
  // Not every compiler has the sanitizer libraries; the checks themselves do not need them.
  if (build("-fsanitize=address,undefined -fno-sanitize-recover=all").status !== 0) {
    const plain = build("");
    assert.equal(plain.status, 0, plain.stderr);
  }
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
  assert.match(check("race", "500"), /\d+ writes, \d+ reads/);
});

test("the C hash is the documented one, at every length and for every byte", () => {
  for (let length = 0; length <= 300; length += 1) {
    const key = randomBytes(length);
    assert.equal(native.pathHash(key), pathHashReference(key), key.toString("hex"));
  }
  for (const [key, hash] of Object.entries(HASHES))
    assert.equal(native.pathHash(Buffer.from(key)), hash, key);
});

/** Computed by a third implementation, in Python; also in docs/index-format.md. */
const HASHES: Record<string, bigint> = {
  "": 0x1fbf_a51b_a591_5574n,
  a: 0x0b5c_7630_9aae_7964n,
  src: 0xbe99_6316_71ef_7d6en,
  "package.json": 0x7d20_4429_3c51_f75dn,
  "node_modules/npm/": 0x6fba_1f7e_5d40_f26bn,
  "node_modules/a-package/lib/index.js": 0x9b31_befb_d79d_ed78n,
};
