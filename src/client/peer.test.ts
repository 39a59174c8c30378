import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { connect } from "./client.js";

const isRoot = process.getuid?.() === 0;
const NOBODY = 65534;

test(
  "a server of another user is refused before anything is sent",
  { skip: !isRoot && "needs root" },
  async () => {
    const directory = mkdtempSync(join(tmpdir(), "vrift-peer-"));
    chmodSync(directory, 0o777);
    const path = join(directory, "s");
    const script = `
    const server = require("node:net").createServer((socket) => {
      socket.on("data", () => console.log("data"));
      socket.on("close", () => server.close());
    });
    server.listen(${JSON.stringify(path)}, () => console.log("listening"));`;
    const child = spawn(process.execPath, ["-e", script], {
      uid: NOBODY,
      gid: NOBODY,
      stdio: ["ignore", "pipe", "inherit"],
    });
    try {
      let output = "";
      child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
      await once(child.stdout, "data");
      const client = connect({ socketPath: path });
      await assert.rejects(client.status(), {
        code: "EPERM",
        message: `${path} is served by user ${NOBODY}, not by 0`,
      });
      await once(child, "close");
      assert.equal(output, "listening\n");
    } finally {
      child.kill("SIGKILL");
      rmSync(directory, { recursive: true });
    }
  },
);
