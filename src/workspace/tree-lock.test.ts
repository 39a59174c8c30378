/** Commands that move files keep each other out, and the batches of a commit; a batch is waited for. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { betweenMoves, isTreeLocked, withTreeLock } from "./tree-lock.js";

const run = mkdtempSync(join(tmpdir(), "vrift-tree-lock-"));
const place = { run, root: "/tree" };
after(() => rmSync(run, { recursive: true }));

/** Work that ends when it is told to. */
function held(): { readonly work: () => Promise<void>; readonly end: () => void } {
  let end: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => (end = resolve));
  return { work: () => ended, end };
}

test("a second command is refused, and goes on when the first has ended", async () => {
  const { work, end } = held();
  const first = withTreeLock(place, work);
  assert.equal(isTreeLocked(run), true);
  await assert.rejects(
    withTreeLock(place, async () => undefined),
    { code: "EBUSY" },
  );
  end();
  await first;
  assert.equal(isTreeLocked(run), false);
  assert.equal(await withTreeLock(place, async () => "done"), "done");
});

test("no batch is taken while a command moves files", async () => {
  const { work, end } = held();
  const command = withTreeLock(place, work);
  assert.equal(await betweenMoves(run, () => Promise.reject(new Error("it was taken"))), undefined);
  end();
  await command;
  assert.equal(await betweenMoves(run, async () => "taken"), "taken");
});

test("a command waits for the batch that is being taken, however long; who looks sees no command", async () => {
  const { work, end } = held();
  const steps: string[] = [];
  const batch = betweenMoves(run, work).then(() => steps.push("batch"));
  const command = withTreeLock(place, async () => steps.push("command"));
  await new Promise((resolve) => setTimeout(resolve, 500)); // more than another command would be waited for
  assert.deepEqual([steps, isTreeLocked(run)], [[], false]);
  end();
  await Promise.all([batch, command]);
  assert.deepEqual(steps, ["batch", "command"]);
});
