/** The model itself: what it must not believe. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Candidates } from "./candidates.js";
import { Register } from "./registers.js";
import { possibleAfter } from "./tree.js";
import type { Answer, ModelFile, ModelRequest, ModelTree } from "./tree.js";

const own: ModelTree = new Map([["own", null]]);
const file = (text: string): ModelFile => ({ text, mode: 0o644, mtime: 1n });

function put(path: string, text: string): ModelRequest {
  const entry = { content_hash: new Uint8Array(32), size: 1n, mtime: 1n, mode: 0o644, flags: 0 };
  return { request: { type: "ManifestUpsert", path, entry }, file: file(text) };
}

function get(path: string): ModelRequest {
  return { request: { type: "ManifestGet", path } };
}

const says =
  (text: string | null) =>
  (answer: Answer): boolean =>
    "entry" in answer && (answer.entry === null ? text === null : (answer.entry as ModelFile).text === text);

test("an acknowledged change is there; an unanswered one is there whole or not at all", () => {
  const one = new Candidates(own);
  assert.ok(one.answered(put("own/f", "old"), says("old")));
  assert.ok(!one.answered(get("own/f"), says(null)), "it is lost");
  one.unanswered(put("own/f", "new"));
  assert.equal(one.trees.length, 2);
  assert.ok(!one.answered(get("own/f"), says("else")));
  assert.ok(one.answered(get("own/f"), says("old")));
  assert.ok(!one.answered(get("own/f"), says("new")), "it was not done, and nobody is left to do it");
});

test("a change that was left to somebody may come later, once, until that one is dead", () => {
  let isDead = false;
  const one = new Candidates(own);
  one.left(put("own/f", "late"), () => isDead);
  assert.ok(one.answered(get("own/f"), says(null)));
  assert.ok(one.answered(get("own/f"), says("late")));
  assert.ok(!one.answered(get("own/f"), says(null)));
  const other = new Candidates(own);
  other.left(put("own/f", "late"), () => isDead);
  assert.ok(other.answered(get("own/f"), says(null)));
  isDead = true;
  // It may have come just before.
  assert.ok(other.answered(get("own/g"), says(null)));
  assert.ok(other.answered(get("own/f"), says(null)));
  assert.ok(!other.answered(get("own/f"), says("late")));
});

test("a file that was begun may have left directories, from above", () => {
  const trees = possibleAfter(own, put("own/a/b/f", "text")).map((tree) => [...tree.keys()].join(" "));
  assert.deepEqual(trees, ["own", "own own/a", "own own/a own/a/b", "own own/a/b own/a own/a/b/f"]);
});

/** Writes and reads: value, question, answer (Infinity: none). */
function judge(
  writes: readonly [bigint, number, number][],
  reads: readonly [bigint, number, number][],
): number {
  const register = new Register("name");
  for (const [value, from] of writes) register.writing(value, from);
  for (const [value, , to] of writes) if (to !== Infinity) register.written(value, to);
  for (const [value, from, to] of reads) register.read(value, { from, to });
  return register.check().length;
}

test("histories of one name that have an order, and those that have none", () => {
  const [a, b] = [1n, 2n];
  assert.equal(judge([[a, 0, 1], [b, 2, 3]], [[a, 1, 2], [b, 4, 5]]), 0); // prettier-ignore
  assert.equal(judge([[a, 0, 1], [b, 2, 6]], [[b, 3, 4], [b, 5, 7]]), 0); // prettier-ignore
  // While b is being written a read may see either, but not b and then a.
  assert.equal(judge([[a, 0, 1], [b, 2, 9]], [[a, 3, 4], [b, 5, 6]]), 0); // prettier-ignore
  assert.ok(judge([[a, 0, 1], [b, 2, 9]], [[b, 3, 4], [a, 5, 6]]) > 0); // prettier-ignore
  // An acknowledged change is lost.
  assert.ok(judge([[a, 0, 1], [b, 2, 3]], [[a, 4, 5]]) > 0); // prettier-ignore
  // One that nobody answered may come late, or never, but not go again.
  assert.equal(judge([[a, 0, 1], [b, 2, Infinity]], [[a, 50, 51], [b, 60, 61]]), 0); // prettier-ignore
  assert.equal(judge([[a, 0, 1], [b, 2, Infinity]], [[a, 50, 51]]), 0); // prettier-ignore
  assert.ok(judge([[a, 0, 1], [b, 2, Infinity]], [[b, 50, 51], [a, 60, 61]]) > 0); // prettier-ignore
  // Read before anybody asked for it.
  assert.ok(judge([[a, 5, 6]], [[a, 1, 2]]) > 0);
});
