/** A second ingest reads what has changed, and nothing else. */
import assert from "node:assert/strict";
import { mkdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { hashBytes } from "../../src/platform/hash.js";
import { ingest } from "../../src/tree/ingest.js";
import { makeFixture } from "./fixture.js";

for (const kind of ["local", "daemon"] as const)
  test(`what has changed, and what the store has lost, is read again, ${kind}`, async (t) => {
    const { context, directory, store } = await makeFixture(t, kind);
    const root = join(directory, "tree");
    mkdirSync(join(root, "d"), { recursive: true });
    const contents = { a: "content a", b: "content b", "d/c": "content c", empty: "" };
    for (const [key, text] of Object.entries(contents)) writeFileSync(join(root, key), text);
    const first = await ingest(root, context);
    assert.deepEqual([first.files, first.unchanged], [4, 0]);
    const second = await ingest(root, context);
    assert.deepEqual([second.files, second.unchanged], [0, 4]);

    writeFileSync(join(root, "a"), "CONTENT A");
    utimesSync(join(root, "b"), 1, 1);
    rmSync(store.blobPath({ hash: hashBytes(Buffer.from("content c")), size: 9n }));
    const third = await ingest(root, context);
    assert.deepEqual([third.files, third.unchanged, third.methods], [3, 1, { copy: 2, present: 1 }]);
    assert.deepEqual((await ingest(root, context)).unchanged, 4);
  });
