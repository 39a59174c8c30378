/**
 * What only a namespace of one's own can show without touching the machine: mounts over a solid tree, and a limit on watches that is
 * reached (of the user namespace; the machine's stays as it is). Run by `unshare --user --map-root-user --mount` from the test and the
 * stress script; prints what was compared. Arguments: files, rounds, and of how many kinds each of mounts and limits are.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { TestHome } from "../cli/vrift-process.js";
import { Random } from "../store/random.js";
import { Outside, begin, compare, makeTree } from "./liar.js";

const [files = 200, rounds = 2, kinds = 3] = process.argv.slice(2).map(Number);
const LIMIT = "/proc/sys/user/max_inotify_watches";

const home = new TestHome();
const root = join(home.work, "tree");
let answers = 0;

try {
  begin(home);
  makeTree(root, files);
  await sync();
  assert.ok((await look()) > 0, "the index answers");
  for (let round = 0; round < rounds; round++) await mounts(round);
  await limits();
  console.log(`right: ${answers} answers under mounts and at the limit of watches`);
} finally {
  await home.remove();
}

async function sync(): Promise<string> {
  const { code, stdout, stderr } = await home.vrift(["sync"], { cwd: root });
  assert.equal(code, 0, stderr);
  return stdout;
}

/** How many calls the index has answered. */
async function look(missing: readonly string[] = []): Promise<number> {
  const compared = await compare(home, root, missing);
  answers += compared.answers;
  return compared.fromIndex;
}

function must(command: string, ...args: string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: "utf8" });
  assert.equal(status, 0, `${command} ${args.join(" ")}: ${stderr}`);
}

/** Each is looked at before and after `vrift sync`; what is mounted is changed by another name meanwhile. */
async function mounts(round: number): Promise<void> {
  const other = join(home.work, `other ${round}`);
  mkdirSync(join(other, "e1/new"), { recursive: true });
  for (const name of ["e1/f1", "e1/f18", "elsewhere"])
    writeFileSync(join(other, name), "another file of this name");
  const file = join(root, "d0/e0/f0");
  for (const [what, onto] of [
    [["--bind", other], join(root, "d1")],
    [["-t", "tmpfs", "none"], join(root, "d2/e2")],
    [["--bind", join(other, "elsewhere")], file],
  ].slice(0, kinds) as [string[], string][]) {
    must("mount", ...what, onto);
    await look();
    await sync();
    await look();
    writeFileSync(join(other, "elsewhere"), `changed by another name ${round}`);
    writeFileSync(join(other, "e1", `later ${round}`), "");
    await look([join(onto, "none")]);
    must("umount", onto);
    await look();
    await sync();
    assert.ok((await look()) > 0, `the index answers again after ${onto}`);
  }
}

async function limits(): Promise<void> {
  const outside = new Outside(root, new Random(files));
  for (const limit of [20, 0, 130].slice(-kinds)) {
    await home.vrift(["daemon", "stop"]);
    writeFileSync(LIMIT, String(limit));
    await sync();
    // The last one is reached only now.
    for (let i = 0; i < 60; i++) mkdirSync(join(root, `d0/more ${limit}/${i}`), { recursive: true });
    for (let i = 0; i < 50; i++) outside.change();
    await sync();
    await look(outside.missing);
    const { stdout } = await home.vrift(["status", "--root", root], { cwd: root });
    assert.match(stdout, /max_user_(watches|instances)/, `limit ${limit}`);
  }
  outside.end();
  writeFileSync(LIMIT, "100000");
  await home.vrift(["daemon", "stop"]);
  await sync();
  assert.ok((await look(outside.missing)) > 0, "with room the index answers again");
}
