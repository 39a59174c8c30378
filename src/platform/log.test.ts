import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { formatLine, openLog } from "./log.js";

test("one event is one line, whatever is in it", () => {
  const time = new Date("2026-01-02T03:04:05.678Z");
  const line = formatLine(time, "warn", "two\nlines", { path: "/a b\n", size: 5n, plain: "/x/y.z" });
  assert.equal(line, '2026-01-02T03:04:05.678Z warn two lines path="/a b\\n" size=5 plain=/x/y.z\n');
});

test("private, appended to, rotated once at its limit", () => {
  const directory = mkdtempSync(join(tmpdir(), "vrift-log-"));
  const path = join(directory, "log");
  const before = process.umask(0);
  const log = openLog(path, 2000);
  process.umask(before);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  for (let i = 0; i < 100; i++) log.info(`event ${i}`);
  log.error("failed", new Error("outer", { cause: new Error("inner") }), { key: "k" });
  log.close();
  const [now, old] = [readFileSync(path, "utf8"), readFileSync(`${path}.1`, "utf8")];
  for (const text of [now, old]) assert.ok(Buffer.byteLength(text) <= 2000);
  assert.match(now, / error failed key=k cause=".*outer.*because of .*inner/);
  assert.match(old, /event \d+\n$/);
  const again = openLog(path, 2000);
  again.warn("again");
  again.close();
  assert.ok(readFileSync(path, "utf8").startsWith(now));
  rmSync(directory, { recursive: true });
});
