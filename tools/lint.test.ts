/** The lint configuration must refuse what it is there to refuse: each line below is a file that must fail, and why. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const project = fileURLToPath(new URL("../../", import.meta.url));

const layers = [
  "platform",
  "protocol",
  "store",
  "manifest",
  "vdir",
  "workspace",
  "daemon",
  "client",
  "tree",
  "cli",
];

/** What each layer may import besides itself. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  platform: [],
  protocol: [],
  store: ["platform", "protocol"],
  manifest: ["platform", "protocol"],
  vdir: ["platform", "protocol"],
  workspace: ["platform", "protocol", "store", "manifest", "vdir"],
  daemon: ["platform", "protocol", "store", "manifest", "vdir", "workspace", "client"],
  client: ["platform", "protocol"],
  tree: ["platform", "protocol", "store", "manifest", "vdir", "workspace", "client"],
  cli: ["platform", "protocol", "store", "manifest", "vdir", "workspace", "daemon", "client", "tree"],
};

const refused: Readonly<Record<string, string>> = {
  "src/store/lmdb.ts": `import { open } from "lmdb"; export { open };`,
  "src/store/blake.ts": `import { blake3 } from "@napi-rs/blake-hash"; export { blake3 };`,
  "src/protocol/fs.ts": `import { readFileSync } from "node:fs"; export { readFileSync };`,
  "src/protocol/net.ts": `import { connect } from "node:net"; export { connect };`,
  "src/client/control-value.ts": `import { thing } from "../daemon/control.js"; export { thing };`,
  "src/client/daemon-type.ts": `import type { T } from "../daemon/registry.js"; export type { T };`,
  "src/store/test-code.ts": `import { thing } from "../../test/thing.js"; export { thing };`,
  "src/cli/console.ts": `console.log("x");`,
  "src/cli/stdout.ts": `process.stdout.write("x");`,
  "src/cli/floating.ts": `async function f(): Promise<void> {} f();`,
  "src/cli/any.ts": `export function f(x: any): void { void x; }`,
  "src/cli/unused.ts": `const x = 1;`,
  "src/cli/swallowed.ts": `try { JSON.parse("") } catch {}`,
};

const accepted: Readonly<Record<string, string>> = {
  "src/manifest/lmdb.ts": `import { open } from "lmdb"; export { open };`,
  "src/platform/hash.ts": `import { blake3 } from "@napi-rs/blake-hash"; export { blake3 };`,
  "src/manifest/layout.ts": `import { constants } from "../vdir/layout.js"; export { constants };`,
  "src/protocol/errors.ts": `import { x } from "../platform/errors.js"; export { x };`,
  "src/client/control-type.ts": `import type { T } from "../daemon/control.js"; export type { T };`,
  "src/cli/main.ts": `console.log("x"); process.stdout.write("y");`,
  "src/store/x.test.ts": `import { test } from "node:test"; import "../../test/thing.js"; test("x", async () => {});`,
};

test("lint refuses what breaks the layers and the habits, and nothing else", () => {
  const directory = mkdtempSync(join(tmpdir(), "vrift-lint-"));
  try {
    for (const file of [".oxlintrc.json", "tsconfig.json"])
      copyFileSync(join(project, file), join(directory, file));
    symlinkSync(join(project, "node_modules"), join(directory, "node_modules"));
    const mustFail = new Map(Object.entries(refused));
    const mustPass = new Map(Object.entries(accepted));
    for (const layer of layers) {
      for (const other of layers.filter((name) => name !== layer)) {
        const cases = allowed[layer]!.includes(other) ? mustPass : mustFail;
        cases.set(`src/${layer}/uses-${other}.ts`, `import { x } from "../${other}/x.js"; export { x };`);
      }
    }
    for (const [path, text] of [...mustFail, ...mustPass]) {
      mkdirSync(dirname(join(directory, path)), { recursive: true });
      writeFileSync(join(directory, path), `${text}\n`);
    }
    const failed = lint(directory);
    assert.deepEqual([...failed].sort(), [...mustFail.keys()].sort());
  } finally {
    rmSync(directory, { recursive: true });
  }
});

/** The files with at least one error. */
function lint(directory: string): Set<string> {
  const oxlint = join(project, "node_modules/.bin/oxlint");
  const { stdout, status } = spawnSync(oxlint, ["--type-aware", "--format", "json", "src"], {
    cwd: directory,
    encoding: "utf8",
  });
  assert.equal(status, 1, stdout);
  const report = JSON.parse(stdout) as { diagnostics: { filename: string }[] };
  return new Set(report.diagnostics.map((diagnostic) => diagnostic.filename));
}
