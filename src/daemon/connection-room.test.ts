/** More connections than a daemon takes: those over it are closed, the others and the control socket go on. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { CONNECTIONS_MAX } from "../platform/limits.js";
import { openLog } from "../platform/log.js";
import { FrameReader, encodeFrame } from "../protocol/frame.js";
import { connectionRoom } from "./connection-room.js";
import type { Protocol } from "./connection.js";
import { Serving } from "./serving.js";

const echo = (): Protocol<Buffer> => ({
  reader: new FrameReader(),
  answer: (payload) => encodeFrame(payload),
  refuse: () => encodeFrame(Buffer.alloc(0)),
  ended: () => undefined,
});

test("the room is what the limit on open files leaves, and CONNECTIONS_MAX at most", () => {
  assert.equal(connectionRoom(Infinity), CONNECTIONS_MAX);
  assert.ok(connectionRoom(4096) < 4096 - 512);
  assert.equal(connectionRoom(64), 16);
});

test("one too many is closed and told once, a reserved path still takes some, and who leaves makes room", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "vrift-room-"));
  const log = openLog(join(folder, "log"), 1e6);
  const serving = new Serving(log, 3);
  await serving.listen(join(folder, "s"), echo);
  await serving.listen(join(folder, "c"), echo, undefined, 2);
  const open: Socket[] = [];
  t.after(async () => {
    for (const socket of open) socket.destroy();
    await serving.stop();
    log.close();
    rmSync(folder, { recursive: true });
  });
  const knock = async (name: string): Promise<boolean> => {
    const socket = connect({ path: join(folder, name) });
    socket.on("error", () => undefined);
    open.push(socket);
    await once(socket, "connect");
    socket.write(encodeFrame(Buffer.from("x")));
    return await new Promise((resolve) => {
      socket.once("data", () => resolve(true)).once("close", () => resolve(false));
    });
  };
  const taken: boolean[] = [];
  for (const name of ["s", "s", "s", "s", "s", "c", "c", "c"]) taken.push(await knock(name));
  assert.deepEqual(taken, [true, true, true, false, false, true, true, false]);
  assert.equal(readFileSync(join(folder, "log"), "utf8").match(/no room for more connections/g)?.length, 1);
  for (const socket of open.slice(0, 3)) socket.destroy();
  while (serving.connections > 2) await new Promise(setImmediate);
  assert.ok(await knock("s"));
});
