import assert from "node:assert/strict";
import { test } from "node:test";
import { Failures } from "./failures.js";

test("pauses double up to ten seconds, and what is long over is not kept", () => {
  const failures = new Failures();
  const pauses = Array.from({ length: 9 }, () => {
    failures.add("a", undefined, 0);
    return failures.get("a")!.notBefore;
  });
  assert.deepEqual(pauses, [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
  for (let i = 0; i < 10_000; i++) failures.add(`project ${i}`, undefined, i * 1000);
  assert.ok(failures.size < 100, `${failures.size} are kept`);
  failures.forget("project 9999");
  assert.equal(failures.get("project 9999"), undefined);
});
