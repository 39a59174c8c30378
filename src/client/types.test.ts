import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

test("a package that depends on it by path has its types, without types of its own", async () => {
  const root = fileURLToPath(new URL("../../../", import.meta.url));
  const directory = mkdtempSync(join(tmpdir(), "vrift-types-"));
  try {
    mkdirSync(join(directory, "node_modules"));
    symlinkSync(root, join(directory, "node_modules/vrift"));
    writeFileSync(join(directory, "package.json"), '{"type":"module"}');
    writeFileSync(
      join(directory, "a.ts"),
      `import { connect } from "vrift";
      const ack = await connect().request({ type: "CasGet", hash: new Uint8Array(32) });
      const text: string = await connect().status();
      // @ts-expect-error it is a text
      const wrong: number = await connect().status();
      export { ack, text, wrong };`,
    );
    const options = ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2022", "a.ts"];
    const tsc = join(root, "node_modules/.bin/tsc");
    const { stdout } = await promisify(execFile)(tsc, options, { cwd: directory }).catch(
      (error: unknown) => error as { stdout: string },
    );
    assert.equal(stdout, "");
  } finally {
    rmSync(directory, { recursive: true });
  }
});
