/**
 * Several processes at random work on one virtual tree, under a real daemon:
 *  - in a subtree of its own each (native/test/operations.c): results, errno and the tree as on a plain one, step by step;
 *  - in a shared one (native/test/together.c), where no order can be foretold: each sees only what a plain file system could show, and
 *    what they did adds up. At the end what programs see, what the daemon says and what `vrift solid` leaves are one tree.
 */
import { spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { connect } from "../../src/client/index.js";
import { hashBytes, hashToHex } from "../../src/platform/hash.js";
import { resolveHome } from "../../src/platform/paths.js";
import { FLAG_DIR, FLAG_SYMLINK } from "../../src/protocol/messages.js";
import { Sandbox, copyTree, listingScript, projectRoot, vriftCommand } from "../e2e/sandbox.js";
import { projectOwners } from "../end-projects.js";
import { makeTree } from "../inception/phantom-fixture.js";
import { Committing } from "./committing.js";
import { ownTree } from "./own-tree.js";

const native = (name: string): string => join(projectRoot, "build", "native", name);
const programNames = [native("operations"), native("together")];
/** What `vrift run` says where no daemon answers, and one was killed while it made files virtual. */
const INTERRUPTED = /^vrift: a command that moved the files of .* was interrupted.*\n  Finish it with .*\n/gm;
/** A link made by `operations` points one directory up at most; nothing climbs out of this. */
const DEPTH = "a/b/c/d/e/f";

export interface Settings {
  readonly seed: number;
  /** How long the shared part lasts. */
  readonly seconds: number;
  /** Steps of each process in its own subtree. */
  readonly steps: number;
  /** Of each kind. */
  readonly processes: number;
  /** vdir_d is killed about this often; 0: never. */
  readonly killEveryMs: number;
  /** What programs write is committed all the while, and made virtual again when none of them runs: between two parts. */
  readonly commits?: boolean;
  /** Parts, each with new processes, that share seconds and steps. Default: 1. */
  readonly parts?: number;
}

export interface Outcome {
  readonly failures: readonly string[];
  readonly ownSteps: number;
  readonly sharedSteps: number;
  readonly kills: number;
  readonly commits: number;
  /** Files made virtual again. */
  readonly dehydrated: number;
}

interface Running {
  readonly pid: number;
  readonly ended: Promise<Ended>;
}

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export async function operate(settings: Settings): Promise<Outcome> {
  const failures: string[] = [];
  const fail = (what: string): void => {
    if (failures.length < 20) failures.push(what.slice(0, 2000));
  };
  const sandbox = new Sandbox();
  const root = sandbox.path("tree");
  const original = sandbox.path("original");
  const ids = letters(0, settings.processes);
  const { parts = 1 } = settings;
  const ownDirectory = (id: string): string => join(root, "own", id, DEPTH);
  let kills = 0;
  try {
    for (const id of ids) {
      mkdirSync(ownDirectory(id), { recursive: true });
      makeTree(ownDirectory(id), ownTree);
    }
    makeShared(join(root, "shared"));
    copyTree(root, original);

    const own = (id: string, part: number, through: "bare" | "vrift"): Running => {
      const seed = (settings.seed * parts + part) * 100 + ids.indexOf(id);
      const words = [native("operations"), String(seed), String(Math.ceil(settings.steps / parts))];
      return start(sandbox, words, ownDirectory(id), through);
    };
    const plain: Ended[][] = [];
    for (let part = 0; part < parts; part++)
      plain.push(await Promise.all(ids.map((id) => own(id, part, "bare").ended)));
    const plainTree = ownListing(sandbox, root, "bare");
    rmSync(root, { recursive: true });
    renameSync(original, root);
    sandbox.mustVrift(["phantom", root]);

    const committing = settings.commits === true ? new Committing(sandbox, root) : undefined;
    const phantom: Ended[][] = [];
    const together: Ended[] = [];
    for (let part = 0; part < parts; part++) {
      if (part > 0) await committing?.moving();
      const seconds = String(settings.seconds / parts);
      // A log's records are in the order of their writer: each process has a letter of its own.
      const shared = letters(part * ids.length, ids.length).map((id) =>
        start(
          sandbox,
          [native("together"), String(settings.seed * parts + part), seconds, id],
          join(root, "shared"),
          "vrift",
        ),
      );
      const owned = ids.map((id) => own(id, part, "vrift"));
      let running = true;
      const killing = started([...shared, ...owned])
        .then(() => killNowAndThen(sandbox, settings, () => running))
        .then((count) => (kills += count));
      phantom.push(await Promise.all(owned.map(({ ended }) => ended)));
      together.push(...(await Promise.all(shared.map(({ ended }) => ended))));
      running = false;
      await killing;
    }
    await committing?.moving();
    await committing?.end();

    for (const [part, ran] of phantom.entries())
      for (const [i, id] of ids.entries()) {
        const [before, after] = [plain[part]?.[i], ran[i]];
        const expected = before?.stdout.split("\n") ?? [];
        const got = after?.stdout.split("\n") ?? [];
        const at = expected.findIndex((line, n) => line !== got[n]);
        if (at >= 0) fail(`own ${id}, part ${part}: plain "${expected[at]}", phantom "${got[at]}"`);
        const said = after?.stderr.replace(INTERRUPTED, "");
        if (said !== before?.stderr || after?.code !== before?.code)
          fail(`own ${id}, part ${part}: ended with ${after?.code}: ${after?.stderr}`);
      }
    for (const { code, stderr } of together)
      if (code !== 0 || stderr.replace(INTERRUPTED, "") !== "") fail(`shared: ${code}: ${stderr}`);
    const seen = ownListing(sandbox, root, "vrift");
    if (seen !== plainTree) fail(`own trees, seen: ${firstDifference(plainTree, seen)}`);

    const sum = addUp(together);
    for (const problem of checkShared(sandbox, root, sum)) fail(problem);
    for (const problem of await checkManifest(sandbox, root)) fail(problem);

    const everything = sandbox.sh(listingScript(), root, "vrift").stdout;
    sandbox.mustVrift(["solid", root]);
    const solid = sandbox.sh(listingScript(), root, "bare").stdout;
    if (solid !== everything) fail(`after solid: ${firstDifference(everything, solid)}`);
    return {
      failures,
      ownSteps: settings.steps * ids.length,
      sharedSteps: [...sum]
        .filter(([name]) => name.startsWith("steps "))
        .reduce((total, [, count]) => total + count, 0),
      kills,
      commits: committing?.count ?? 0,
      dehydrated: committing?.dehydrated ?? 0,
    };
  } finally {
    sandbox.dispose();
  }
}

function letters(from: number, count: number): string[] {
  return Array.from({ length: count }, (_, i) => String.fromCharCode(97 + from + i));
}

function start(
  sandbox: Sandbox,
  command: readonly string[],
  cwd: string,
  through: "bare" | "vrift",
): Running {
  const [program = "", ...words] = through === "bare" ? command : [vriftCommand, "run", "--", ...command];
  const child = spawn(program, words, { cwd, env: sandbox.env, stdio: ["ignore", "pipe", "pipe"] });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, stdout, stderr }));
  });
  return { pid: child.pid ?? 0, ended };
}

/** All have become their programs: a daemon that is killed again and again before it can answer would keep `vrift run` from that. */
async function started(programs: readonly Running[]): Promise<void> {
  const arrived = (pid: number): boolean => {
    try {
      return programNames.includes(readlinkSync(`/proc/${pid}/exe`));
    } catch {
      return true; // It has ended already.
    }
  };
  while (!programs.every(({ pid }) => arrived(pid))) await delay(20);
}

async function killNowAndThen(sandbox: Sandbox, settings: Settings, running: () => boolean): Promise<number> {
  let kills = 0;
  let last = performance.now();
  while (settings.killEveryMs > 0 && running()) {
    await delay(50);
    if (performance.now() - last < settings.killEveryMs) continue;
    last = performance.now();
    for (const pid of projectOwners(join(sandbox.home, ".vrift"))) {
      try {
        process.kill(pid, "SIGKILL");
        kills += 1;
      } catch {
        // It was just ending.
      }
    }
  }
  return kills;
}

/** What together.c expects to find. */
function makeShared(root: string): void {
  const write = (name: string, text: string): void => writeFileSync(join(root, name), text);
  for (const directory of [
    "stable",
    "moving-a",
    "place-0",
    "place-1",
    "place-2",
    "place-3",
    "directory-0",
    "directory-1",
  ])
    mkdirSync(join(root, directory), { recursive: true });
  for (let i = 0; i < 30; i++) write(`stable/s${i}`, `stable ${i}\n`);
  for (let i = 0; i < 8; i += 2) write(`lock-${i}`, "held\n");
  for (let i = 0; i < 4; i++) write(`log-${i}`, "start\n");
  for (let i = 0; i < 4; i++) write(`version-${i}`, "first\n".repeat(100));
  for (let i = 0; i < 12; i++) write(`place-${i % 4}/token-${i}`, `token ${i}\n`);
  for (let i = 0; i < 6; i++) write(`moving-a/f${i}`, `moving ${i}\n`);
  write("moving-a/log", "start\n");
  for (let i = 0; i < 2; i++) write(`counter-${i}`, "0\n");
  for (let i = 0; i < 6; i++) write(`attribute-${i}`, "attribute\n");
  for (let i = 0; i < 4; i++) write(`cut-${i}`, "c".repeat(5000));
}

function ownListing(sandbox: Sandbox, root: string, through: "bare" | "vrift"): string {
  // Times of what the steps wrote are two different nows.
  return sandbox
    .sh(listingScript(1_600_100_000), join(root, "own"), through)
    .stdout.replace(/^([^\t]*\td\t\d+\t-\t)\S+/gm, "$1-");
}

function firstDifference(expected: string, got: string): string {
  const other = new Set(got.split("\n"));
  const mine = new Set(expected.split("\n"));
  const lacks = [...mine].filter((line) => !other.has(line)).slice(0, 5);
  const has = [...other].filter((line) => !mine.has(line)).slice(0, 5);
  return `\n-${lacks.join("\n-")}\n+${has.join("\n+")}`;
}

/** "made lock-3" → how often, over all processes. */
function addUp(ended: readonly Ended[]): Map<string, number> {
  const sum = new Map<string, number>();
  for (const { stdout } of ended)
    for (const line of stdout.trim().split("\n")) {
      const [what, name, count] = line.split(" ");
      sum.set(`${what} ${name}`, (sum.get(`${what} ${name}`) ?? 0) + Number(count));
    }
  return sum;
}

function checkShared(sandbox: Sandbox, root: string, sum: ReadonlyMap<string, number>): string[] {
  const problems: string[] = [];
  // A copy of what programs see: looked at with nothing in between.
  const copy = sandbox.path("copy");
  const made = sandbox.sh(`cp -a shared ${copy}`, root, "vrift");
  if (made.stderr !== "") problems.push(`copying: ${made.stderr}`);
  const text = (name: string): string =>
    existsSync(join(copy, name)) ? readFileSync(join(copy, name), "utf8") : "";
  const of = (what: string, name: string): number => sum.get(`${what} ${name}`) ?? 0;
  const exclusive = (name: string, before: number): void => {
    const now = readdirSync(copy).includes(name) ? 1 : 0;
    const added = of("made", name) - of("removed", name);
    if (before + added !== now)
      problems.push(`${name}: ${before} before, made less removed ${added}, ${now} now`);
  };
  for (let i = 0; i < 8; i++) exclusive(`lock-${i}`, i % 2 === 0 ? 1 : 0);
  for (let i = 0; i < 4; i++) exclusive(`directory-${i}`, i < 2 ? 1 : 0);

  const moving = ["moving-a", "moving-b"].filter((name) => existsSync(join(copy, name)));
  if (moving.length !== 1) problems.push(`of two directories there are ${moving.join(", ") || "none"}`);
  for (let i = 0; i < 6; i++)
    if (text(`${moving[0]}/f${i}`) !== `moving ${i}\n`)
      problems.push(`${moving[0]}/f${i}: "${text(`${moving[0]}/f${i}`)}"`);

  const logs = [...Array(4).keys()].map((i) => [`log-${i}`, `log-${i}`] as const);
  for (const [file, counter] of [...logs, [`${moving[0]}/log`, "moving-log"] as const]) {
    const [first, ...records] = text(file).replace(/\n$/, "").split("\n");
    const last = new Map<string, number>();
    if (first !== "start") problems.push(`${file} begins with "${first?.slice(0, 60)}"`);
    if (records.length !== of("added", counter))
      problems.push(`${file}: ${records.length} records, ${of("added", counter)} appended`);
    for (const record of records) {
      const [, id = "", number = "-1"] = /^([a-z]) (\d+) x*$/.exec(record) ?? [];
      if (Number(number) <= (last.get(id) ?? -1))
        problems.push(`${file}: out of order or torn: ${record.slice(0, 60)}`);
      last.set(id, Number(number));
    }
  }
  for (let i = 0; i < 12; i++) {
    const found = [0, 1, 2, 3]
      .map((place) => `place-${place}/token-${i}`)
      .filter((name) => text(name) === `token ${i}\n`);
    if (found.length !== 1) problems.push(`token ${i} is at ${found.join(", ") || "no place"}`);
  }
  for (let i = 0; i < 2; i++)
    if (text(`counter-${i}`) !== `${of("added", `counter-${i}`)}\n`)
      problems.push(
        `counter ${i} is ${text(`counter-${i}`)}, ${of("added", `counter-${i}`)} increments were made`,
      );
  for (let i = 0; i < 4; i++) {
    const size = existsSync(join(copy, `cut-${i}`)) ? statSync(join(copy, `cut-${i}`)).size : -1;
    if (size !== (of("added", `cut-${i}`) > 0 ? 0 : 5000)) problems.push(`cut-${i} has ${size} bytes`);
  }
  for (let i = 0; i < 30; i++)
    if (text(`stable/s${i}`) !== `stable ${i}\n`) problems.push(`stable/s${i} has changed`);
  rmSync(copy, { recursive: true });
  return problems;
}

/** The daemon compares the tree a moment after the last change; asked in between, it is right about some names only. */
const CAUGHT_UP_MS = 20_000;

/** Names, kinds, sizes, modes and hashes of the manifest against what programs see, once the daemon has caught up. */
async function checkManifest(sandbox: Sandbox, root: string): Promise<string[]> {
  const copy = sandbox.path("copy");
  sandbox.sh(`cp -a . ${copy} && rm -rf ${copy}/.vrift`, root, "vrift");
  const seen = new Map<string, string>();
  const walk = (directory: string): void => {
    for (const entry of readdirSync(join(copy, directory), { withFileTypes: true })) {
      const name = join(directory, entry.name);
      const { mode, size } = entry.isSymbolicLink() ? { mode: 0, size: 0 } : statSync(join(copy, name));
      if (entry.isDirectory()) seen.set(name, "directory");
      else if (entry.isSymbolicLink()) seen.set(name, "link");
      else
        seen.set(
          name,
          `${(mode & 0o7777).toString(8)} ${size} ${hashToHex(hashBytes(readFileSync(join(copy, name))))}`,
        );
      if (entry.isDirectory()) walk(name);
    }
  };
  walk("");
  rmSync(copy, { recursive: true, force: true });
  for (const end = performance.now() + CAUGHT_UP_MS; ; await delay(200)) {
    const problems = await compareManifest(sandbox, root, seen).catch((error: unknown) => [String(error)]);
    if (problems.length === 0 || performance.now() > end) return problems;
  }
}

async function compareManifest(
  sandbox: Sandbox,
  root: string,
  seen: ReadonlyMap<string, string>,
): Promise<string[]> {
  const client = connect({ socketPath: resolveHome(sandbox.env).daemonSocket });
  const said = new Map<string, string>();
  try {
    await client.register(root);
    const list = async (directory: string): Promise<void> => {
      for (const { name, is_dir } of await client.list(directory)) {
        const path = join(directory, name);
        const entry = await client.get(path);
        if (entry === null) continue;
        if (entry.flags === FLAG_DIR) said.set(path, "directory");
        else if (entry.flags === FLAG_SYMLINK) said.set(path, "link");
        else said.set(path, `${entry.mode.toString(8)} ${entry.size} ${hashToHex(entry.content_hash)}`);
        if (is_dir) await list(path);
      }
    };
    await list("");
  } finally {
    client.close();
  }
  const problems: string[] = [];
  for (const name of new Set([...seen.keys(), ...said.keys()]))
    if (seen.get(name) !== said.get(name))
      problems.push(`${name}: programs see ${seen.get(name)}, the daemon says ${said.get(name)}`);
  return problems;
}
