/**
 * Random trees and random paths: a plain tree asked through the kernel, and the same tree phantom, asked through the injected
 * library, the reader in TypeScript and the workspace. All say the same, errno included.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { lstatSync, mkdirSync, realpathSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { before, test } from "node:test";
import { IndexReader } from "../../src/vdir/index-reader.js";
import { constants } from "../../src/vdir/layout.js";
import type { AdoptEntry } from "../../src/workspace/workspace.js";
import { workspaceFixture } from "../workspace-fixture.js";
import { buildNative, LIBRARY, program } from "./phantom-fixture.js";

const SEED = Number(process.env["VRIFT_TEST_SEED"] ?? randomInt(2 ** 31));
const TREES = Number(process.env["VRIFT_AGREE_TREES"] ?? 3);
const PATHS = 3000;
/** Files of the tree are made at this second and later ones. */
const TIME_S = 1_600_000_000;

/** xorshift: the same numbers for the same seed. */
function numbers(seed: number): (limit: number) => number {
  let state = BigInt(seed) * 2n + 1n;
  return (limit) => {
    state = BigInt.asUintN(64, state ^ (state << 13n));
    state ^= state >> 7n;
    state = BigInt.asUintN(64, state ^ (state << 17n));
    return Number((state >> 11n) % BigInt(limit));
  };
}

const LONG = "n".repeat(255);
const NAMES = ["a", "b", "c.txt", "ü ✓", "x", LONG, "link", "up", "loop", "out", "gone"];

type Node = "dir" | { readonly text: string } | { readonly target: string };

function randomTree(pick: (limit: number) => number): Map<string, Node> {
  const tree = new Map<string, Node>();
  const directories = [""];
  for (let n = 0; n < 60; n += 1) {
    const above = directories[pick(directories.length)] ?? "";
    const key = (above === "" ? "" : `${above}/`) + (NAMES[pick(NAMES.length)] ?? "a");
    if (tree.has(key) || key.split("/").length > 5) continue;
    const kind = pick(10);
    if (kind < 3) {
      tree.set(key, "dir");
      directories.push(key);
    } else if (kind < 5) {
      tree.set(key, {
        target:
          ["a", "../b", "./b", "loop", ".", "..", "/usr/lib", "../../a", "b/x", "../a/up"][pick(10)] ?? "a",
      });
    } else tree.set(key, { text: `content of ${n}\n` });
  }
  return tree;
}

function randomPath(pick: (limit: number) => number, keys: readonly string[]): string {
  if (pick(40) === 0) return "";
  if (pick(60) === 0) return `${"./".repeat(2000)}${"a".repeat(pick(120))}`;
  if (pick(60) === 0) return "n".repeat(256);
  let path = pick(3) === 0 ? (keys[pick(keys.length)] ?? "a") : (NAMES[pick(NAMES.length)] ?? "a");
  for (let parts = pick(4); parts > 0; parts -= 1)
    path += `${["/", "/", "/", "//", "/./", "/../", "/x/../"][pick(7)]}${NAMES[pick(NAMES.length)]}`;
  if (pick(6) === 0) path += ["/", "/.", "/..", "//"][pick(4)];
  if (pick(5) === 0) path = `./${path}`;
  return pick(4) === 0 ? `@${path}` : path;
}

before(buildNative);

for (let number = 0; number < TREES; number += 1)
  test(`a tree and ${PATHS} paths, seed ${SEED + number}`, async () => {
    const pick = numbers(SEED + number);
    const t = await workspaceFixture();
    try {
      // As long a path as the project's: both reach PATH_MAX together.
      const plain = join(t.directory, "regular");
      mkdirSync(plain);
      const tree = randomTree(pick);
      const workspace = await t.registry.open(t.root, true);
      const entries: AdoptEntry[] = [];
      let second = TIME_S;
      for (const [key, node] of tree) {
        second += 1;
        const places = [join(plain, key), join(t.root, key)];
        if (node === "dir") places.forEach((path) => mkdirSync(path));
        else if ("target" in node) places.forEach((path) => symlinkSync(node.target, path));
        else {
          writeFileSync(join(plain, key), node.text, { mode: 0o640 });
          utimesSync(join(plain, key), second, second);
          entries.push(await t.adoptEntry(key, node.text, BigInt(second) * 1_000_000_000n));
        }
      }
      await workspace.resync();
      assert.deepEqual((await workspace.adopt(entries, "virtual")).refused, []);
      await workspace.resync();

      const keys = [...tree.keys()];
      const paths = Array.from({ length: PATHS }, () => randomPath(pick, keys));
      const ask = (root: string, env: NodeJS.ProcessEnv): string[] => {
        const directory = keys.find((key) => tree.get(key) === "dir") ?? ".";
        // Relative to the working directory and to a descriptor, and a third of them from the root of all.
        const input = paths.map((path, n) =>
          n % 3 === 0 && !path.startsWith("@") ? `${root}/${path}` : path,
        );
        const ended = spawnSync(program("agree"), [directory], {
          cwd: root,
          env: { ...process.env, ...env },
          input: input.map((path) => `${path}\0`).join(""),
          encoding: "utf8",
          maxBuffer: 1 << 26,
        });
        assert.equal(ended.status, 0, ended.stderr);
        return ended.stdout.trimEnd().split("\n");
      };
      const expected = ask(plain, {});
      const found = ask(t.root, { LD_PRELOAD: LIBRARY, VRIFT_INDEX: workspace.info.index });
      paths.forEach((path, n) => assert.equal(found[n], expected[n], `${n}: ${path}`));

      // The same in TypeScript, of the names that the paths lead to.
      const reader = IndexReader.open(workspace.info.index);
      let compared = 0;
      for (const path of new Set(paths)) {
        const last = basename(path);
        if (path === "" || path.startsWith("@") || last === "." || last === ".." || last === "") continue;
        let parent: string;
        try {
          parent = realpathSync.native(join(plain, dirname(path)));
        } catch {
          continue;
        }
        if (!lstatSync(parent).isDirectory()) continue;
        const key = relative(plain, join(parent, last));
        if (key === ".." || key.startsWith("../") || Buffer.byteLength(last) > 255) continue;
        const stat = lstatSync(join(plain, key), { bigint: true, throwIfNoEntry: false });
        const entry = reader.lookup(key);
        assert.equal(entry === undefined, stat === undefined, key);
        const said = await workspace.get(key);
        assert.equal(said === null, stat === undefined, key);
        compared += 1;
        if (stat === undefined || entry === undefined || said === null || !stat.isFile()) continue;
        assert.ok((entry.flags & Number(constants.ENTRY_VIRTUAL)) !== 0, key);
        assert.deepEqual(
          [entry.size, entry.mtimeNs, BigInt(entry.mode)],
          [stat.size, stat.mtimeNs, stat.mode],
          key,
        );
        assert.deepEqual(
          [said.size, said.mtime, BigInt(said.mode)],
          [stat.size, stat.mtimeNs, stat.mode & 0o7777n],
          key,
        );
      }
      assert.ok(compared > 100, `${compared} compared`);
    } finally {
      await t.close();
    }
  });
