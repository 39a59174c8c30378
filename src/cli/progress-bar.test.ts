import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { progressBar, progressLine } from "./progress-bar.js";

describe("progress", () => {
  test("one line, redrawn at most once in 80 ms, cut to the terminal, removed before other output", () => {
    const written: string[] = [];
    let time = 0;
    const bar = progressBar(
      (text) => written.push(text),
      () => 30,
      () => time,
    );
    bar.clear();
    bar.begin("import", 100, 1000n);
    bar.advance(1, 10n);
    time = 79;
    bar.advance(1, 10n);
    time = 80;
    bar.advance(48, 480n);
    bar.clear();
    bar.clear();
    assert.equal(written.length, 3);
    assert.match(written[1] ?? "", /^\r\x1b\[Kinto the store \[#+-*$/);
    assert.ok((written[1] ?? "").length <= 4 + 29);
    assert.equal(written[2], "\r\x1b[K");
  });

  test("by bytes where known, else by files, else a count", () => {
    const bytes = progressLine("import", { files: 1, bytes: 750n }, { files: 4, bytes: 1000n });
    assert.equal(bytes, `into the store [${"#".repeat(18)}------] 1/4 files, 750 bytes`);
    const files = progressLine("copy", { files: 1, bytes: 0n }, { files: 4, bytes: 0n });
    assert.equal(files, `copying [######${"-".repeat(18)}] 1/4 files`);
    assert.equal(
      progressLine("scan", { files: 7, bytes: 0n }, { files: 0, bytes: 0n }),
      "looking at the tree: 7 files",
    );
    assert.equal(progressLine("register", { files: 0, bytes: 0n }, { files: 0, bytes: 0n }), "recording ...");
    assert.match(progressLine("place", { files: 9, bytes: 2000n }, { files: 4, bytes: 1000n }), /\[#{24}\]/);
  });
});
