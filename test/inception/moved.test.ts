/** A directory gets another name while a program has it open: its listing goes on, and so does what is said of its files. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";
import { buildNative, makeTree, Phantom, program } from "./phantom-fixture.js";

const FILES = 300;
const NAMES = Array.from({ length: FILES }, (_, i) => `file-${String(i).padStart(3, "0")}`);

before(buildNative);

describe("a directory that is renamed", () => {
  const base = mkdtempSync(join(tmpdir(), "vrift-moved-"));
  const root = join(base, "tree");
  let phantom: Phantom;
  before(async () => {
    makeTree(root, { ...Object.fromEntries(NAMES.map((name) => [`dir/${name}`, "x\n"])), "aside/": "" });
    phantom = await Phantom.start(root, join(base, "run"), join(base, "source"));
  });
  after(async () => {
    await phantom.stop();
    rmSync(base, { recursive: true, force: true });
  });

  const moves: readonly (readonly [what: string, from: string, to: string, more: readonly string[]])[] = [
    ["once", "dir", "aside/dir", []],
    ["and the index grows", "aside/dir", "dir-again", ["grow"]],
    ["into another and back", "dir-again", "aside/over", ["move aside/over dir-again"]],
    ["when the index has grown", "dir-again", "dir", []],
  ];
  for (const call of ["readdir", "getdents"])
    for (const [what, from, to, more] of moves)
      test(`${call}: ${what}`, async () => {
        const { names, files } = await listed(call, from, async () => {
          for (const command of [`move ${from} ${to}`, ...more]) await phantom.command(command);
          if (what.startsWith("when")) await phantom.command("grow");
        });
        assert.deepEqual(names.sort(), NAMES);
        assert.equal(files.length, 2);
        assert.equal(files[0], files[1]);
      });

  async function listed(
    call: string,
    directory: string,
    meanwhile: () => Promise<void>,
  ): Promise<{ names: string[]; files: string[] }> {
    const child = spawn(program("moved"), [call, join(root, directory), "file-007"], {
      env: { ...process.env, ...phantom.environment },
      stdio: ["pipe", "pipe", "inherit"],
    });
    const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
    const names: string[] = [];
    const files: string[] = [];
    for await (const line of createInterface({ input: child.stdout })) {
      const [kind = "", ...rest] = line.split(" ");
      if (kind === "name") names.push(rest.join(" "));
      if (kind === "file") files.push(rest.join(" "));
      if (kind !== "half") continue;
      await meanwhile();
      child.stdin.write("on\n");
    }
    assert.equal(await ended, 0);
    return { names, files };
  }
});
