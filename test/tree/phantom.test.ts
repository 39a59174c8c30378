import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { phantom } from "../../src/tree/phantom.js";
import { solid } from "../../src/tree/solid.js";
import { statFile } from "../../src/workspace/stat-file.js";
import { listing, makeFixture, ACCESS_KINDS } from "./fixture.js";
import { PLAIN, makeOddTree } from "./odd-tree.js";

for (const kind of ACCESS_KINDS) {
  test(`${kind}: phantom takes the plain files and says what stays; solid restores the exact tree`, async (t) => {
    const { directory, context } = await makeFixture(t, kind);
    const root = join(directory, "tree");
    mkdirSync(root);
    makeOddTree(root);
    const before = listing(root);

    const made = await phantom(root, context, { yes: true });
    assert.deepEqual(made.refused, []);
    assert.equal(made.files, PLAIN.length + 1);
    for (const key of PLAIN) assert.equal(statFile(join(root, key)), undefined, key);
    assert.deepEqual(made.physical, {
      directory: 6,
      opaque: 2,
      symlink: 2,
      special: 1,
      setid: 1,
      executable: 1,
      links: 2,
      name: 1,
      secret: 1,
      elf: 1,
      pinned: 1,
    });
    const gone = [...PLAIN, "sub/dup-3"].map((key) => Buffer.from(key).toString("latin1"));
    const isGone = (line: string): boolean =>
      gone.some((key) => line.startsWith(`${key} `) || line.endsWith(`  ${key}`));
    assert.deepEqual(
      listing(root).filter((line) => !/(^|  )\.vrift\b/.test(line)),
      before.filter((line) => !isGone(line)).map((line) => line.replace(/^( d \d+ \S+) \d+ /, "$1 8 ")),
      "what stays is as it was, directory times included",
    );

    const back = await solid(root, context);
    assert.equal(back.files, made.files);
    assert.deepEqual(listing(root), before);
  });
}
