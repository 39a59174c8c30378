/** What dead processes left under names that only they could have published. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { removeOrphanBeside, removeOrphans } from "./staging.js";

const isZombie = (pid: string): boolean => / Z /.test(readFileSync(`/proc/${pid}/stat`, "latin1"));

test("of a process that has ended and that nobody waits for it is removed, of one that lives it stays", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "vrift-staging-"));
  // What the shell becomes does not know that it has a child.
  const parent = spawn("sh", ["-c", "sleep 60 & echo $!; exec sleep 60"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(() => {
    parent.kill("SIGKILL");
    rmSync(directory, { recursive: true });
  });
  const [line] = (await once(parent.stdout, "data")) as [Buffer];
  const pid = line.toString().trim();
  while (readFileSync(`/proc/${parent.pid}/comm`, "latin1") !== "sleep\n") await wait(10);
  process.kill(Number(pid), "SIGKILL");
  for (let i = 0; i < 1000 && !isZombie(pid); i++) await wait(10);
  assert.ok(isZombie(pid));

  const staging = join(directory, "staging");
  mkdirSync(staging);
  const living = [`${process.pid}.1`, `${parent.pid}.7`, "notes", `${pid}.x`];
  for (const name of [...living, `${pid}.1`, `${pid}.22`]) writeFileSync(join(staging, name), "");
  assert.equal(removeOrphans(staging), 2);
  assert.deepEqual(readdirSync(staging).sort(), living.sort());

  mkdirSync(join(directory, "d"));
  const keys = [`.vrift-${pid}.1`, `d/.vrift-${pid}.2`, `.vrift-${process.pid}.1`, "d/.vrift-notes"];
  for (const key of keys) writeFileSync(join(directory, key), "");
  assert.deepEqual(
    keys.map((key) => removeOrphanBeside(directory, key)),
    [true, true, false, false],
  );
  assert.deepEqual(readdirSync(join(directory, "d")), [".vrift-notes"]);
});
