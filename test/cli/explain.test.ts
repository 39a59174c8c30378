import assert from "node:assert/strict";
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { TestHome } from "./vrift-process.js";

const home = new TestHome();
after(() => home.remove());
const project = join(home.work, "project");
const TEXT = "content of a file\n";

interface Explained {
  readonly real: string | null;
  readonly key: string | null;
  readonly links: readonly { readonly link: string; readonly target: string }[];
  readonly by: string;
  readonly reason: string;
  readonly besides: readonly string[];
  readonly detail: string | null;
  readonly errno: string | null;
  readonly seen: { readonly size: string } | null;
  readonly physical: boolean;
  readonly entry: { readonly flags: readonly string[]; readonly hash: string | null } | null;
  readonly blob: { readonly path: string; readonly state: string } | null;
  readonly hydratedOnWrite: boolean;
}

async function explained(path: string, cwd = project): Promise<Explained> {
  const { stdout, stderr, code } = await home.vrift(["explain", "--json", path], { cwd });
  assert.equal(code, 0, stderr);
  const [first] = JSON.parse(stdout) as Explained[];
  assert.ok(first);
  return first;
}

/** Once the project's process has looked at what has just happened in the tree. */
async function settled(path: string, cwd = project): Promise<Explained> {
  for (const end = Date.now() + 30_000; ;) {
    const found = await explained(path, cwd);
    if (!["marked", "distrusted", "busy", "incomplete"].includes(found.reason) || Date.now() > end)
      return found;
  }
}

describe("explain", () => {
  before(async () => {
    mkdirSync(join(project, "src"), { recursive: true });
    for (const name of ["src/one", "src/two", "src/gone"]) writeFileSync(join(project, name), TEXT);
    symlinkSync("src", join(project, "link"));
    symlinkSync("link/one", join(project, "chain"));
    symlinkSync("circle", join(project, "circle"));
    assert.match(
      (await home.vrift(["explain", "src/one"], { cwd: project })).stdout,
      /never opened as a workspace/,
    );
    const { code, stderr } = await home.vrift(["phantom", "."], { cwd: project });
    assert.equal(code, 0, stderr);
  });

  test("a virtual file: the index, its hash, flags and blob, and what writing does", async () => {
    const found = await settled("src/one");
    assert.deepEqual(
      [found.by, found.reason, found.key, found.physical, found.hydratedOnWrite],
      ["index", "virtual", "src/one", false, true],
    );
    assert.deepEqual(found.entry?.flags, ["virtual", "hashed"]);
    assert.match(found.entry?.hash ?? "", /^[0-9a-f]{64}$/);
    assert.equal(found.seen?.size, String(TEXT.length));
    assert.equal(found.blob?.state, "whole");
    assert.ok(found.blob?.path.includes(found.entry?.hash ?? "?"));
    const { stdout } = await home.vrift(["explain", "src/one"], { cwd: project });
    assert.match(stdout, /^answered {2}by the index, without a system call$/m);
    assert.match(stdout, /^because {3}the entry of a virtual file \(virtual\)$/m);
    assert.match(stdout, /^writing {3}puts a private copy at .*src\/one first$/m);
    assert.ok(!existsSync(join(project, "src/one")), "explain makes nothing physical");
  });

  test("a path outside of it is asked about as its programs do; from outside there is nobody to ask", async () => {
    const outside = join(home.work, "elsewhere");
    writeFileSync(outside, "text");
    symlinkSync(outside, join(project, "out"));
    const asked = await explained(outside);
    assert.deepEqual(
      [asked.by, asked.reason, asked.key, asked.seen?.size],
      ["kernel", "elsewhere", null, "4"],
    );
    // The daemon has not seen the link, and the kernel is asked in any case.
    assert.equal((await settled("out")).reason, "link");
    const bare = await explained(outside, home.work);
    assert.deepEqual([bare.by, bare.reason, bare.seen?.size], ["kernel", "no-index", "4"]);
    assert.match(bare.detail ?? "", /never opened as a workspace/);
  });

  test("symbolic links are followed step by step", async () => {
    const found = await settled("chain");
    assert.deepEqual(found.links, [
      { link: join(project, "chain"), target: "link/one" },
      { link: join(project, "link"), target: "src" },
    ]);
    assert.deepEqual(
      [found.real, found.key, found.by, found.reason, found.besides],
      [join(project, "src/one"), "src/one", "kernel", "link", ["entry"]],
    );
    const circle = await settled("circle");
    assert.deepEqual([circle.real, circle.errno, circle.links.length], [null, "ELOOP", 41]);
  });

  test("absent, below a file, a directory, .vrift, outside", async () => {
    const reasons = async (path: string, cwd?: string): Promise<string> => {
      const { by, reason, errno } = await settled(path, cwd);
      return `${by} ${reason} ${errno ?? "-"}`;
    };
    assert.equal(await reasons("src/nothing"), "index absent ENOENT");
    assert.equal(await reasons("src/one/x"), "index below-a-file ENOTDIR");
    assert.equal(await reasons("src"), "kernel physical -");
    assert.equal(await reasons(".vrift/workspace"), "kernel private -");
    assert.equal(await reasons(join(project, "src/one"), "/"), "index virtual -");
    const outside = await home.vrift(["explain", "--json", "--root", ".", "/etc/passwd"], { cwd: project });
    assert.match(outside.stdout, /"reason":"elsewhere"/);
  });

  test("after a program has written and removed: the file itself, and a whiteout", async () => {
    const ran = await home.vrift(["run", "--", "sh", "-c", "echo more >> src/two; rm src/gone"], {
      cwd: project,
    });
    assert.equal(ran.code, 0, ran.stderr);
    const written = await explained("src/two");
    assert.deepEqual([written.by, written.physical, written.hydratedOnWrite], ["kernel", true, false]);
    const removed = await explained("src/gone");
    assert.deepEqual([removed.errno, removed.hydratedOnWrite], ["ENOENT", false]);
  });

  test("without a process of the project: the kernel is asked first, and it says why", async () => {
    assert.equal((await home.vrift(["daemon", "stop"], { cwd: "/" })).code, 0);
    const found = await explained("src/one");
    assert.deepEqual(
      [found.by, found.reason, found.besides, found.hydratedOnWrite],
      ["kernel", "distrusted", ["entry"], true],
    );
    assert.match(found.detail ?? "", /no process of the project is running/);
  });

  test("several paths; an empty one, and none", async () => {
    const two = await home.vrift(["explain", "src/one", "src/two"], { cwd: project });
    assert.equal(two.stdout.match(/^path /gm)?.length, 2);
    for (const args of [["explain", ""], ["explain"]])
      assert.equal((await home.vrift(args, { cwd: project })).code, 2);
  });
});
