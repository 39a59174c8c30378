/** tools/run-tests.ts over small projects of its own. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const compiled = fileURLToPath(new URL("./run-tests.js", import.meta.url));

const passing = `import { test } from "node:test"; test("fine", () => {});`;

/** Runs the runner over compiled test files by their path under dist/; `sources` are the tests that exist. */
function runTests(
  files: Readonly<Record<string, string>>,
  args: readonly string[],
  sources = Object.keys(files),
) {
  const directory = mkdtempSync(join(tmpdir(), "vrift-run-tests-"));
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), text);
  };
  try {
    write("package.json", `{"type":"module"}`);
    write("test/allowed-skips.json", `{"needs a moon":"there is none in CI"}`);
    for (const path of sources) write(path.replace(/\.js$/, ".ts"), "");
    for (const [path, text] of Object.entries(files)) write(`dist/${path}`, text);
    mkdirSync(join(directory, "dist/tools"), { recursive: true });
    copyFileSync(compiled, join(directory, "dist/tools/run-tests.js"));
    // The runner under test must not think it is a test file of this one.
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    return spawnSync(process.execPath, ["dist/tools/run-tests.js", ...args], {
      cwd: directory,
      env,
      encoding: "utf8",
    });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

test("passing tests pass and are counted; a file whose source is gone does not run", () => {
  const stale = `import { test } from "node:test"; test("stale", () => { throw new Error("ran"); });`;
  const files = { "src/a.test.js": passing, "test/b.test.js": passing, "src/gone.test.js": stale };
  const { status, stdout, stderr } = runTests(files, [], ["src/a.test.js", "test/b.test.js"]);
  assert.equal(stderr, "");
  assert.equal(status, 0);
  assert.match(stdout, /tests 2\n/);
});

test("arguments choose files", () => {
  const { status, stdout } = runTests({ "src/a.test.js": passing, "src/b.test.js": passing }, ["src/b"]);
  assert.equal(status, 0);
  assert.match(stdout, /tests 1\n/);
});

/** Fails the first time it runs, leaving a mark in its folder. */
const once = `import { existsSync, writeFileSync } from "node:fs"; import { test } from "node:test";
  test("now and then", () => {
    if (existsSync("been")) return;
    writeFileSync("been", "");
    throw new Error("the first time");
  });`;

test("what fails beside others and passes alone is named and does not fail the run", () => {
  const { status, stdout, stderr } = runTests({ "src/a.test.js": once, "src/b.test.js": passing }, []);
  assert.equal(status, 0, stderr);
  assert.match(stdout, /✖ now and then/);
  assert.match(stderr, /^run-tests: UNSTEADY, passed alone: dist\/src\/a\.test\.js$/m);
});

test("more failures than an accident explains are not tried again", () => {
  const files = Object.fromEntries(
    ["a", "b", "c", "d"].map((name) => [`src/${name}.test.js`, once.replaceAll("been", `been-${name}`)]),
  );
  const { status, stderr } = runTests(files, []);
  assert.equal(status, 1);
  assert.equal(stderr, "");
});

const failing: Readonly<
  Record<string, readonly [files: Record<string, string>, args: string[], why: RegExp]>
> = {
  "a failed test": [
    {
      "src/a.test.js": `import { test } from "node:test"; test("boom", () => { throw new Error("boom"); });`,
    },
    [],
    /✖ boom/,
  ],
  "a file that does not load": [{ "src/a.test.js": `import "./nothing.js";` }, [], /ERR_MODULE_NOT_FOUND/],
  "a file without tests": [{ "src/a.test.js": passing, "src/b.test.js": "" }, [], /b\.test\.js has no tests/],
  "no file": [{ "src/a.test.js": passing }, ["nothing"], /no test file matches "nothing"/],
  "a skipped test": [
    { "src/a.test.js": `import { test } from "node:test"; test.skip("left out", () => {});` },
    [],
    /"left out" was skipped/,
  ],
  "a test still to do": [
    { "src/a.test.js": `import { test } from "node:test"; test("later", { todo: true }, () => {});` },
    [],
    /"later" was skipped/,
  ],
};

for (const [name, [files, args, why]] of Object.entries(failing)) {
  test(`${name} fails the run`, () => {
    const { status, stdout, stderr } = runTests(files, args);
    assert.equal(status, 1);
    assert.match(stdout + stderr, why);
  });
}

test("a skipped test that is named with its reason does not", () => {
  const text = `import { test } from "node:test"; test.skip("needs a moon", () => {});`;
  const { status } = runTests({ "src/a.test.js": text, "src/b.test.js": passing }, []);
  assert.equal(status, 0);
});
