/** Programs of every kind in a phantom tree: each sees what docs/interception.md says of it ("Kinds of programs"). */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { buildNative, makeTree, Phantom, sh } from "./phantom-fixture.js";

const SOURCE = join(import.meta.dirname, "../../../native/test/kind.c");
const SEEN = /^seen: 8 bytes, 3 names, right, absent -1\n$/;
const UNSEEN = /^unseen: No such file or directory, user \d+\n$/;
/** Of nobody: any other user than the one that runs the tests. */
const OTHER_USER = 65534;

const base = realpathSync(mkdtempSync(join(tmpdir(), "vrift-kinds-")));
const root = join(base, "home", "tree");
let phantom: Phantom;

before(async () => {
  buildNative();
  chmodSync(base, 0o755);
  makeTree(root, { file: "content\n", changed: "changed\n", read: "read\n" });
  phantom = await Phantom.start(root, join(base, "run"), join(base, "source"));
});
after(async () => {
  await phantom.stop();
  rmSync(base, { recursive: true, force: true });
});

/** Its path, or undefined when this machine's compiler cannot make it. */
function compiled(name: string, compiler: string, ...flags: string[]): string | undefined {
  const path = join(base, name);
  const { status } = spawnSync(compiler, [...flags, "-D_GNU_SOURCE", "-o", path, SOURCE], {
    stdio: "ignore",
  });
  return status === 0 ? path : undefined;
}

function run(path: string, environment: Readonly<Record<string, string>> = {}): string {
  const { stdout, stderr } = sh(path, root, { ...phantom.environment, ...environment });
  return `${stdout}${stderr}`;
}

const seeing: readonly (readonly [name: string, compiler: string, flags: readonly string[]])[] = [
  ["position-independent", "cc", ["-pie", "-fPIE"]],
  ["at a fixed address", "cc", ["-no-pie"]],
  ["for large files", "cc", ["-D_FILE_OFFSET_BITS=64"]],
  ["fortified", "cc", ["-O2", "-D_FORTIFY_SOURCE=2"]],
  ["without lazy binding", "cc", ["-Wl,-z,now"]],
  ["linked with pthreads", "cc", ["-pthread"]],
];
for (const [name, compiler, flags] of seeing)
  test(`${name}: sees the tree`, () => {
    const path = compiled(name.replaceAll(" ", "-"), compiler, ...flags);
    assert.ok(path !== undefined, "it compiles");
    assert.match(run(path), SEEN);
  });

test("AddressSanitizer, linked statically: sees the tree", (context) => {
  const path = compiled("asan-static", "cc", "-fsanitize=address", "-static-libasan");
  if (path === undefined) return context.skip("the compiler has no such library");
  assert.match(run(path), SEEN);
});

test("AddressSanitizer, linked dynamically: refuses to start unless it is told not to look at the order", (context) => {
  const path = compiled("asan", "cc", "-fsanitize=address");
  if (path === undefined) return context.skip("the compiler has no such library");
  assert.match(run(path), /ASan runtime does not come first/);
  assert.match(run(path, { ASAN_OPTIONS: "verify_asan_link_order=0" }), SEEN);
});

test("the other sanitizers: see the tree", (context) => {
  for (const kind of ["undefined", "thread"]) {
    const path = compiled(kind, "cc", `-fsanitize=${kind}`);
    // A kernel with much randomness in its addresses ends a program of ThreadSanitizer before it begins.
    if (path === undefined || !/^seen|^unseen/.test(sh(path, root).stdout))
      return context.skip("the compiler has no such library, or it does not start here");
    assert.match(run(path), SEEN);
  }
});

test("musl: sees the tree", (context) => {
  const path = compiled("musl", "musl-gcc");
  if (path === undefined) return context.skip("there is no musl-gcc");
  assert.match(run(path), SEEN);
});

test("statically linked: sees what is really there", (context) => {
  const path = compiled("static", "cc", "-static");
  if (path === undefined) return context.skip("there is no static libc");
  assert.match(run(path), /is statically linked|^unseen/m);
  assert.match(sh(path, root, phantom.environment).stdout, UNSEEN);
});

test("32-bit: the loader says that it cannot load the library, and it sees what is really there", (context) => {
  const path = compiled("m32", "cc", "-m32");
  if (path === undefined) return context.skip("the compiler has no 32-bit libc");
  const { stdout, stderr } = sh(path, root, phantom.environment);
  assert.match(stdout, UNSEEN);
  assert.match(stderr, /wrong ELF class/);
});

test("set-user-ID: the loader leaves the library out, and it sees what is really there", (context) => {
  const path = process.getuid?.() === 0 ? compiled("setuid", "cc") : undefined;
  if (path === undefined) return context.skip("only root can make a program of another user");
  chownSync(path, OTHER_USER, OTHER_USER);
  chmodSync(path, 0o4755);
  // A file system that is mounted nosuid starts it as any other.
  if (!sh(path, root).stdout.endsWith(`user ${OTHER_USER}\n`))
    return context.skip("the file system is nosuid");
  assert.match(run(path), UNSEEN);
});
