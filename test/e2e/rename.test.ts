/** A directory is renamed over the wire while real programs under the library write to the virtual files in it. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { connect } from "../../src/client/index.js";
import { resolveHome } from "../../src/platform/paths.js";
import { Sandbox, vriftCommand } from "./sandbox.js";

const FILES = 400;
/** So many at least; the programs write once more when they were done sooner. */
const RENAMES = 20;

/** Appends a line to every file, wherever its directory is at that moment; bash opens with O_CREAT. */
const appendToAll = (line: string): string =>
  `for i in $(seq ${FILES}); do until { echo ${line} >> d/f$i || echo ${line} >> e/f$i; } 2>/dev/null; do :; done; done`;

test(
  "no line that a program writes is lost, and no file comes into being twice",
  { timeout: 120_000 },
  async () => {
    const sandbox = new Sandbox();
    try {
      const root = sandbox.path("project");
      mkdirSync(join(root, "d"), { recursive: true });
      for (let i = 1; i <= FILES; i++) writeFileSync(join(root, `d/f${i}`), `file ${i}\n`);
      sandbox.mustVrift(["phantom", root]);
      const client = connect({ socketPath: resolveHome(sandbox.env).daemonSocket });
      await client.register(root);
      let renames = 0;
      const rename = (old_path: string, new_path: string) =>
        client.request({ type: "ManifestRename", old_path, new_path });
      let rounds = 0;
      for (; renames < RENAMES; rounds++) {
        const programs = ["one", "two"].map((line) =>
          spawn(vriftCommand, ["run", "--", "bash", "-c", appendToAll(line)], {
            cwd: root,
            env: sandbox.env,
            stdio: ["ignore", "ignore", "inherit"],
          }),
        );
        let running = programs.length;
        const ended = programs.map(async (program) => {
          const [code] = (await once(program, "exit")) as [number | null];
          running -= 1;
          return code;
        });
        for (; running > 0; renames++) await (renames % 2 === 0 ? rename("d", "e") : rename("e", "d"));
        assert.deepEqual(await Promise.all(ended), [0, 0]);
      }
      if (renames % 2 === 1) await rename("e", "d");
      client.close();
      const { stdout } = sandbox.sh(
        "ls; for f in d/*; do sort $f; done | sort | uniq -c | sort -rn | head -3; cat d/* | wc -l",
        root,
        "vrift",
      );
      const expected = [
        `d`,
        `${rounds * FILES} two`,
        `${rounds * FILES} one`,
        `1 file 99`,
        String((1 + 2 * rounds) * FILES),
      ];
      assert.deepEqual(
        stdout
          .trim()
          .split("\n")
          .map((line) => line.trim()),
        expected,
      );
    } finally {
      sandbox.dispose();
    }
  },
);
