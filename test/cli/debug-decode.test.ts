import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { TestHome } from "./vrift-process.js";

const home = new TestHome();
after(() => home.remove());

describe("debug decode", () => {
  test("answers every line with one line, in order, also wrong ones and the last without a newline", async () => {
    const input = ["01000000", "", "0100000", "zz", "ffffffff", "01000000"].join("\n");
    const { stdout, code, stderr } = await home.vrift(["debug", "decode", "request"], { input });
    assert.equal(stderr, "");
    assert.equal(code, 0);
    const lines = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { ok: boolean; again?: string });
    assert.deepEqual(
      lines.map(({ ok }) => ok),
      [true, false, false, false, false, true],
    );
    assert.deepEqual(lines[0], { ok: true, message: "Status", again: "01000000" });
  });

  test("responses, and nothing for nothing", async () => {
    const { stdout } = await home.vrift(["debug", "decode", "response"], { input: "0500000000000000\n" });
    assert.match(stdout, /^\{"ok":true,"message":"FlockAck","again":"05000000"\}\n$/);
    assert.equal((await home.vrift(["debug", "decode", "response"])).stdout, "");
  });

  test("a reader that goes away ends it quietly", async () => {
    const { stderr, stdout } = await home.bash(
      'yes 01000000 | "$VRIFT" debug decode request | head -2 | wc -l',
    );
    assert.equal(stdout.trim(), "2");
    assert.equal(stderr, "");
  });
});
