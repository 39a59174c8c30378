/**
 * A process for spent.test.ts that fills the manifest, takes the room for its files away and gives it back. Arguments: directory;
 * `room` when that is noticed before LMDB writes, `lmdb` when LMDB itself runs into it, as on a file system that copies on write.
 * Prints what it saw as JSON.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { setTimeout as wait } from "node:timers/promises";
import { toVriftError } from "../platform/errors.js";
import { openManifest } from "./lmdb-manifest.js";
import { isCommitFailure } from "./data-file.js";
import { LmdbTable } from "./lmdb-table.js";
import { ROOT_ID } from "./manifest.js";

const [directory, kind] = process.argv.slice(2) as [string, string];
process.on("SIGXFSZ", () => undefined);
process.on("unhandledRejection", (error) => assert.ok(isCommitFailure(error), String(error)));

/** Room for journals, not for LMDB's file. */
const limitFiles = (bytes: string): void => {
  const { status } = spawnSync("prlimit", ["--pid", String(process.pid), `--fsize=${bytes}:`]);
  assert.equal(status, 0);
};

let spent: () => void;
const isSpent = new Promise<void>((resolve) => (spent = resolve));
const manifest = await openManifest(directory, { commitDelayMs: 50, onSpent: () => spent() });
const acknowledged: string[] = [];
async function put(name: string): Promise<void> {
  const id = manifest.nextId();
  const facts = { flags: 4, mode: 0o644, size: 1n, mtimeNs: 0n, ctimeNs: 0n, blocks: 0, stamp: null };
  const record = { id, ...facts, hash: new Uint8Array(32) };
  await manifest.apply([{ type: "put", parent: ROOT_ID, name, record }]);
  acknowledged.push(name);
}
const codeOf = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work;
    return "done";
  } catch (error) {
    return toVriftError(error).code;
  }
};

await Promise.all(Array.from({ length: 2000 }, (_, i) => put(`before ${i}`)));
await manifest.sync();
const { takeRoom } = LmdbTable.prototype;
if (kind === "lmdb")
  LmdbTable.prototype.takeRoom = function (changes) {
    const end = takeRoom.call(this, changes);
    limitFiles("16384");
    return end;
  };
else limitFiles("16384");
await Promise.all(Array.from({ length: 50 }, (_, i) => put(`then ${i}`)));
const sync = await codeOf(manifest.sync());
LmdbTable.prototype.takeRoom = takeRoom;
const change = await codeOf(put("refused"));
const readable = [manifest.get(ROOT_ID, "before 7"), manifest.get(ROOT_ID, "then 7")].every(Boolean);
const children = [...manifest.children(ROOT_ID)].length;
const secondSync = await codeOf(manifest.sync());
limitFiles("unlimited");
// A spent one never takes changes again, another one by itself as soon as there is room.
const goesOn = async (): Promise<string> => {
  for (;;) {
    const code = await codeOf(put("after"));
    if (code === "done") return code;
    await wait(20);
  }
};
const end = await Promise.race([goesOn(), isSpent.then(() => "spent")]);
const close = await codeOf(manifest.close());
process.stdout.write(
  JSON.stringify({ sync, change, readable, children, secondSync, end, close, acknowledged }),
);
if (process.stdout.writableNeedDrain) await once(process.stdout, "drain");
// As the daemons do; whatever LMDB has left open must not be in the way.
setImmediate(() => process.exit());
