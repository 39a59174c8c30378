/** When a build has ended the index answers again: for what it has read, for what it has written beside, and for names that are not there. */
import assert from "node:assert/strict";
import { closeSync, mkdirSync, openSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { native } from "../../src/platform/native.js";
import { IndexReader } from "../../src/vdir/index-reader.js";
import { constants } from "../../src/vdir/layout.js";
import { Sandbox } from "./sandbox.js";

const MARKS_BYTES = Number(constants.MARK_COUNT) * 8;
const SOURCES = 8;

test("a virtual source, a directory that was built in, an object file and an absent name", async (t) => {
  const sandbox = new Sandbox();
  after(() => sandbox.dispose());
  const root = sandbox.path("tree");
  mkdirSync(join(root, "src"), { recursive: true });
  for (let i = 0; i < SOURCES; i++)
    writeFileSync(join(root, `src/f${i}.c`), `int f${i}(void) { return ${i}; }\n`);
  writeFileSync(join(root, "Makefile"), "all: $(patsubst %.c,%.o,$(wildcard src/*.c))\n");
  sandbox.mustVrift(["phantom", root]);
  const keys = ["src/f0.c", "src/f0.o", "src", "", "src/absent.h", "Makefile"];
  const build = (): number => {
    const begin = performance.now();
    const { code, stderr } = sandbox.sh("rm -f src/*.o && make -s -j2", root, "vrift");
    assert.equal(code, 0, stderr);
    return performance.now() - begin;
  };
  const status = JSON.parse(sandbox.mustVrift(["status", "--json"]).stdout) as {
    workspaces: { index: string }[];
  };
  const { index } = status.workspaces[0]!;
  const fd = openSync(join(dirname(index), "marks"), "r");
  const marks = native.mapShared(fd, MARKS_BYTES, false);
  closeSync(fd);
  const untilTrusted = async (): Promise<number> => {
    for (const begin = performance.now(); ; await wait(5)) {
      const reader = IndexReader.open(index);
      const asked = keys.filter((key) => !reader.trusted(key, marks));
      const ms = performance.now() - begin;
      if (asked.length === 0) return ms;
      assert.ok(ms < 60_000, `the kernel is asked for ${asked.join(", ")}`);
    }
  };
  await untilTrusted();
  for (let round = 0; round < 2; round++) {
    const built = build();
    t.diagnostic(
      `built in ${Math.round(built)} ms, the index answers ${Math.round(await untilTrusted())} ms after its end`,
    );
  }
});
