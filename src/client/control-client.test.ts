import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { testServer } from "../../test/wire-server.js";
import type { TestServer } from "../../test/wire-server.js";
import { CONTROL_LINE_MAX } from "../platform/limits.js";
import { LineReader } from "../protocol/line-reader.js";
import { connectControl, connectProjectControl } from "./control-client.js";

let server: TestServer;

afterEach(async () => {
  await server.close();
});

/** A server that answers each line with what `answer` makes of it, and nothing for undefined. */
async function start(answer: (line: string) => string | undefined): Promise<void> {
  server = await testServer((socket) => {
    const reader = new LineReader();
    socket.on("data", (chunk) => {
      reader.push(chunk);
      for (let line = reader.next(); line !== undefined; line = reader.next()) {
        const reply = answer(line);
        if (reply === undefined) socket.destroy();
        else socket.write(reply);
      }
    });
  });
}

test("calls and their typed replies, overlapping, in order", async () => {
  const lines: string[] = [];
  await start((line) => {
    lines.push(line);
    const { after } = JSON.parse(line) as { after: string };
    return `{"ok":true,"entries":[{"path":"${after}x"}]}\n`;
  });
  const control = await connectProjectControl(server.path);
  const pages = await Promise.all(
    ["a", "b", "c"].map((after) => control.call("entries", { after, limit: 1 })),
  );
  assert.deepEqual(
    pages.map((page) => page.entries[0]?.path),
    ["ax", "bx", "cx"],
  );
  assert.equal(lines[0], `{"op":"entries","after":"a","limit":1}`);
  control.close();
});

test("refusals carry the daemon's code; a code unknown here is kept in the text", async () => {
  await start((line) => {
    const code = line.includes("stop") ? "EBUSY" : "ENEWCODE";
    return `{"ok":false,"code":"${code}","message":"not now"}\n`;
  });
  const control = await connectControl({ socketPath: server.path });
  await assert.rejects(control.call("stop", {}), { code: "EBUSY", message: "not now" });
  await assert.rejects(control.call("solidify", { root: "/" }), {
    code: "EIO",
    message: "ENEWCODE: not now",
  });
  control.close();
});

test("replies that are none", async () => {
  for (const reply of ["not json\n", "null\n", "[]\n", `{"ok":1}\n`]) {
    await start(() => reply);
    const control = await connectControl({ socketPath: server.path });
    await assert.rejects(control.call("stop", {}), { code: "EBADMSG", message: /^stop was answered/ }, reply);
    control.close();
    await server.close();
  }
  await start(() => undefined);
});

test("a connection that ends, and lines over the limit on either side", async () => {
  await start((line) => (line.includes("stop") ? undefined : `"${"x".repeat(CONTROL_LINE_MAX)}"\n`));
  const ended = await connectControl({ socketPath: server.path });
  await assert.rejects(ended.call("stop", {}), { code: "ECONNRESET", message: /stop was not answered/ });
  await assert.rejects(ended.call("stop", {}), { code: "ECONNRESET" });

  const flooded = await connectControl({ socketPath: server.path });
  await assert.rejects(flooded.call("status", {}), { code: "EMSGSIZE" });

  const control = await connectControl({ socketPath: server.path });
  const root = "x".repeat(CONTROL_LINE_MAX);
  await assert.rejects(control.call("solidify", { root }), { code: "EMSGSIZE" });
  control.close();
});

test("nobody there", async () => {
  await start(() => undefined);
  await assert.rejects(connectControl({ socketPath: `${server.path}.none` }), { code: "ECONNREFUSED" });
});
