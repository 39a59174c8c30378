/** kill -9 of daemons and of commands at random moments: nothing hangs, and no file of the original tree is lost. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { ownerOf } from "../../src/workspace/owner-lock.js";
import { projectOwners } from "../end-projects.js";
import { Sandbox, copyTree, listingScript, npmPackageTree, vriftCommand } from "./sandbox.js";

const VICTIMS = ["command", "projects", "daemons"] as const;
type Victim = (typeof VICTIMS)[number];

describe("kill -9", () => {
  const sandbox = new Sandbox();
  const vriftHome = join(sandbox.home, ".vrift");
  const tree = sandbox.path("tree");
  const other = sandbox.path("other");
  let expected = "";

  before(() => {
    fresh();
    expected = sandbox.sh(listingScript(), tree, "bare").stdout;
    rmSync(tree, { recursive: true });
    sandbox.mustVrift(["daemon", "start"]);
  });
  after(() => sandbox.dispose());

  /** `projects`: every vdir_d; `daemons`: those and vriftd. */
  const killDaemons = (victim: "projects" | "daemons"): void => {
    const owners = projectOwners(vriftHome);
    const coordinator = victim === "daemons" ? ownerOf(join(vriftHome, "run/vriftd.lock")) : undefined;
    for (const pid of [...(coordinator === undefined ? [] : [coordinator]), ...owners]) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It ended by itself in this moment.
      }
    }
  };
  const listing = (directory: string, through: "bare" | "vrift") =>
    sandbox.sh(listingScript(), directory, through).stdout;

  /** Every name but the times of directories: they come back with the next phantom or solid. */
  const assertNothingLost = (directory: string): void => {
    const withoutTimes = (text: string) => text.replace(/^(.*\td\t\d+\t-\t)[\d.]+/gm, "$1-");
    assert.equal(
      withoutTimes(listing(directory, "vrift")),
      withoutTimes(expected),
      "seen through the library",
    );
  };

  /** A part of the package that is quickly made: about 600 files. */
  const fresh = (): void => {
    rmSync(tree, { recursive: true, force: true });
    rmSync(other, { recursive: true, force: true });
    mkdirSync(tree);
    for (const part of ["LICENSE", "README.md", "package.json", "bin", "docs", "lib", "man"]) {
      copyTree(join(npmPackageTree(), part), join(tree, part));
    }
  };

  /** Starts a command, kills it or daemons after `ms`, and waits for its end. */
  const interrupted = async (args: readonly string[], victim: Victim, ms: number): Promise<void> => {
    const child = spawn(vriftCommand, args, {
      cwd: sandbox.directory,
      env: sandbox.env,
      stdio: "ignore",
      detached: true,
    });
    const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    await Promise.race([ended, delay(ms)]);
    if (victim !== "command") killDaemons(victim);
    else if (child.exitCode === null && child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    const inTime = await Promise.race([ended.then(() => true), delay(60_000, false, { ref: false })]);
    assert.ok(inTime, `vrift ${args.join(" ")} hangs after the kill of the ${victim}`);
  };

  describe("of daemons between two commands", () => {
    beforeEach(fresh);
    test("programs go on, with and without a new daemon", () => {
      const size = statSync(join(tree, "package.json")).size;
      sandbox.mustVrift(["phantom", tree]);
      killDaemons("daemons");
      assert.equal(listing(tree, "vrift"), expected);
      sandbox.sh("echo changed > README.md; rm LICENSE", tree, "vrift");
      killDaemons("projects");
      const outcome = sandbox.sh("cat README.md; cat LICENSE; wc -c < package.json", tree, "vrift");
      assert.equal(outcome.stdout, `changed\n${size}\n`);
      sandbox.mustVrift(["solid", tree]);
    });
  });

  /** Killed during `phantom`, which is then repeated. */
  const duringPhantom = async (victim: Victim, share: number): Promise<void> => {
    await interrupted(["phantom", tree], victim, share * 900);
    assertNothingLost(tree);
    sandbox.mustVrift(["phantom", tree]);
    assert.equal(listing(tree, "vrift"), expected, "after it was repeated");
  };
  const duringSolid = async (victim: Victim, share: number): Promise<void> => {
    await interrupted(["solid", tree], victim, share * 900);
    assertNothingLost(tree);
    const again = sandbox.vrift(["solid", tree]);
    // It may have been done before the kill came.
    if (again.code !== 0) assert.match(again.stderr, /VRIFT_NOT_PHANTOM/);
    assert.equal(listing(tree, "bare"), expected, "solid again");
  };
  const duringClone = async (victim: Victim): Promise<void> => {
    await interrupted(["clone", tree, other], victim, 400);
    const again = sandbox.vrift(["clone", tree, other]);
    if (again.code !== 0) assert.match(again.stderr, /EEXIST|ENOTEMPTY/);
    assert.equal(listing(other, "vrift"), expected);
  };
  const duringIngest = async (victim: Victim): Promise<void> => {
    await interrupted(["ingest", tree], victim, 600);
    assert.equal(listing(tree, "bare"), expected);
    sandbox.mustVrift(["ingest", tree]);
    assert.equal(listing(tree, "bare"), expected);
  };

  // Each of them begins with what the one before left, on one tree: its kill must not show there.
  for (const victim of VICTIMS) {
    describe(`of the ${victim} early during`, () => {
      before(fresh);
      test("phantom", () => duringPhantom(victim, 0.3));
      test("solid", () => duringSolid(victim, 0.3));
      test("ingest", () => duringIngest(victim));
    });
    describe(`of the ${victim} late during`, () => {
      before(fresh);
      test("phantom", () => duringPhantom(victim, 0.7));
      test("clone", () => duringClone(victim));
      test("solid", () => duringSolid(victim, 0.7));
    });
  }

  test("of all daemons during a C build", async () => {
    rmSync(tree, { recursive: true, force: true });
    sandbox.run("bash", [
      "-c",
      `mkdir -p ${tree}/src && cd ${tree} && for i in $(seq 40); do echo "int f$i(void) { return $i; }" > src/f$i.c; done
      printf 'int main(void) { return 0; }' > src/main.c
      printf 'all: $(patsubst src/%%.c,%%.o,$(wildcard src/*.c))\\n\\tcc -o all $^\\n%%.o: src/%%.c\\n\\tcc -c -o $@ $<\\n' > Makefile`,
    ]);
    sandbox.mustVrift(["phantom", tree]);
    const build = spawn(vriftCommand, ["run", "--", "make", "-j2"], {
      cwd: tree,
      env: sandbox.env,
      stdio: "ignore",
    });
    const code = new Promise<number | null>((resolve) => build.once("exit", resolve));
    await delay(700);
    killDaemons("daemons");
    assert.equal(await code, 0);
    const outcome = sandbox.sh("./all && ls *.o | wc -l && ls src | wc -l && make", tree, "vrift");
    assert.equal(outcome.stdout.split("\n").slice(0, 2).join(" "), "41 41");
    sandbox.mustVrift(["solid", tree]);
    assert.equal(
      sandbox.run("bash", ["-c", `ls ${tree}/src | wc -l; ls ${tree}/*.o | wc -l`]).stdout,
      "41\n41\n",
    );
  });
});
