/** tools/setup.sh in a small project of its own, with an npm and a compiler that note that they were called. */
import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
} from "node:fs";
import { symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, test } from "node:test";
import { fileURLToPath } from "node:url";

const project = fileURLToPath(new URL("../../", import.meta.url));

const tools =
  "cat cmp cp cut dirname find flock make mkdir mv node rm sh sha256sum sleep sort touch xargs".split(" ");

const npm = `#!/bin/sh
echo npm >>calls
mkdir -p node_modules/typescript/bin
printf %s 'require("node:fs").appendFileSync("calls", "tsc\\n"); process.exit(require("node:fs").existsSync("src/broken.ts") ? 2 : 0)' \\
  >node_modules/typescript/bin/tsc
`;

const cc = "#!/bin/sh\nexec cat >/dev/null\n";

let directory = "";

afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

/** A project whose PATH has `tools`, npm and cc, without those in `missing`. */
function makeProject(missing: readonly string[] = []): void {
  directory = mkdtempSync(join(tmpdir(), "vrift-setup-"));
  for (const name of ["tools", "src", "native", "bin"]) mkdirSync(join(directory, name));
  for (const script of ["setup.sh", "stamp.sh"]) {
    copyFileSync(join(project, "tools", script), join(directory, "tools", script));
  }
  for (const file of ["package.json", "package-lock.json", "tsconfig.json", "src/a.ts"]) write(file, "{}\n");
  write("native/Makefile", "all:\n\techo make >>../calls\n");
  write("bin/npm", npm, 0o755);
  write("bin/cc", cc, 0o755);
  for (const tool of tools) {
    symlinkSync(
      execFileSync("sh", ["-c", `command -v ${tool}`], { encoding: "utf8" }).trim(),
      join(directory, "bin", tool),
    );
  }
  for (const tool of missing) rmSync(join(directory, "bin", tool));
  for (const file of ["src", "native", "tools", "src/a.ts", "package-lock.json"]) age(file);
}

function write(file: string, text: string, mode = 0o644): void {
  writeFileSync(join(directory, file), text);
  chmodSync(join(directory, file), mode);
}

/** Times of the file system's clock tick are coarse: what the test made before counts as made a minute ago. */
function age(file: string): void {
  const before = Date.now() / 1000 - 60;
  utimesSync(join(directory, file), before, before);
}

function environment(): NodeJS.ProcessEnv {
  return { PATH: join(directory, "bin"), HOME: directory };
}

function setup(...args: string[]): { status: number | null; stderr: string; calls: string } {
  const shell = join(directory, "bin/sh");
  const run = spawnSync(shell, [join(directory, "tools/setup.sh"), ...args], {
    env: environment(),
    encoding: "utf8",
  });
  assert.equal(run.stdout, "");
  return { status: run.status, stderr: run.stderr, calls: takeCalls() };
}

/** What was called since the last time, space-separated. */
function takeCalls(): string {
  appendFileSync(join(directory, "calls"), "");
  const calls = readFileSync(join(directory, "calls"), "utf8").trim().split("\n").join(" ");
  write("calls", "");
  return calls;
}

function stamp(): string {
  return readFileSync(join(directory, "build/stamp"), "utf8");
}

test("builds once, then is quiet; builds what changed; installs only for another lock file", () => {
  makeProject();
  assert.deepEqual(setup(), {
    status: 0,
    stderr: "vrift: installing packages\nvrift: compiling\n",
    calls: "npm tsc make",
  });
  const first = stamp();
  assert.match(first, /^[0-9a-f]{16}\n$/);
  assert.deepEqual(setup(), { status: 0, stderr: "", calls: "" });

  write("src/a.ts", "changed\n");
  assert.deepEqual(setup(), { status: 0, stderr: "vrift: compiling\n", calls: "tsc make" });
  assert.notEqual(stamp(), first);
  assert.equal(setup("--force").calls, "tsc make");

  write("package-lock.json", "{ }\n");
  assert.equal(setup().calls, "npm tsc make");
});

test("a linked node_modules is used, never installed into", () => {
  makeProject();
  setup();
  execFileSync("mv", ["node_modules", "kept"], { cwd: directory });
  symlinkSync("kept", join(directory, "node_modules"));
  write("package-lock.json", "{ }\n");
  assert.equal(setup().calls, "tsc make");
});

test("what does not compile is not stamped, and is tried again", () => {
  makeProject();
  write("src/broken.ts", "");
  const failed = setup();
  assert.equal(failed.status, 125);
  assert.match(failed.stderr, /do not compile/);
  rmSync(join(directory, "src/broken.ts"));
  age("src");
  assert.equal(setup().calls, "tsc make");
});

for (const [missing, named] of [
  ["node", "nodejs"],
  ["npm", "apt-get install npm"],
  ["cc", "apt-get install gcc libc6-dev make"],
  ["make", "apt-get install make"],
] as const) {
  test(`without ${missing} the package to install is named`, () => {
    makeProject([missing]);
    const { status, stderr, calls } = setup();
    assert.equal(status, 125);
    assert.ok(stderr.includes(named), stderr);
    assert.equal(calls, "");
  });
}

test("an old Node is named with its version", () => {
  makeProject(["node"]);
  write("bin/node", "#!/bin/sh\necho 18\n", 0o755);
  assert.match(setup().stderr, /Node 20 or newer is needed; 'node' in PATH is version 18/);
});

for (const missing of [[], ["flock"]]) {
  test(`eight at once: one builds, all succeed (without: ${missing.join() || "nothing"})`, async () => {
    makeProject(missing);
    const runs = Array.from({ length: 8 }, async () => {
      const child = spawn(join(directory, "bin/sh"), [join(directory, "tools/setup.sh")], {
        env: environment(),
      });
      return await new Promise((resolve) => child.on("close", resolve));
    });
    assert.deepEqual(await Promise.all(runs), Array(8).fill(0));
    assert.equal(takeCalls(), "npm tsc make");
  });
}
