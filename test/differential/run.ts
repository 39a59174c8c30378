/**
 * Runs scenarios on a plain tree and on a phantom one at the same path. All of them share one workspace, a directory each: one
 * `vrift phantom`, one daemon that folds in what the scenarios before did, one `vrift solid` at the end.
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Sandbox, copyTree, projectRoot, vriftCommand } from "../e2e/sandbox.js";
import { Committing } from "../operations/committing.js";
import { inodesOf, sinceThen } from "./inodes.js";
import { ageDirectories, makeProject } from "./project-tree.js";
import { slug, type Scenario } from "./scenario.js";

/** Longer than any scenario on a busy machine; a hang is a difference. */
const SCENARIO_LIMIT_MS = 300_000;

export interface Verdict {
  readonly scenario: Scenario;
  /** One text for each thing that differs, empty when nothing does. */
  readonly differences: readonly string[];
  /** What it said on the plain tree. */
  readonly stdout: string;
  readonly stderr: string;
  /** Milliseconds on the plain and on the phantom tree. */
  readonly plainMs: number;
  readonly phantomMs: number;
}

export interface Report {
  readonly verdicts: readonly Verdict[];
  /** "not here: PROGRAM" of scenarios that were left out. */
  readonly notes: readonly string[];
}

export interface Options {
  /** Scenarios at once, on the phantom tree only. */
  readonly concurrency?: number;
  /** The second run is on a plain tree, too: what differs is the scenario's own. */
  readonly plainTwice?: boolean;
  /** An ordinary directory instead of a phantom tree: afterwards its files are the same inodes as on the plain one, too. */
  readonly solid?: boolean;
  /** Each system call on a name of the tree must be made by the library (native/test/escapes.c): others are differences. */
  readonly escapes?: boolean;
  /** What is written is committed all the while, and made virtual again between two scenarios, while the next one begins. */
  readonly commits?: boolean;
  /** First in PATH, another node for example. */
  readonly pathPrefix?: string;
}

type Through = "bare" | "vrift" | "traced";

interface Run {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly ms: number;
}

export function available(program: string): boolean {
  return spawnSync("bash", ["-c", `command -v ${program}`]).status === 0;
}

export async function runDifferential(all: readonly Scenario[], options: Options = {}): Promise<Report> {
  const notes: string[] = [];
  const scenarios = all.filter((scenario) => {
    const missing = scenario.needs?.find((program) => !available(program));
    if (missing !== undefined) notes.push(`not here: ${missing} (${scenario.name})`);
    return missing === undefined;
  });
  const sandbox = new Sandbox();
  try {
    if (options.pathPrefix !== undefined)
      sandbox.env["PATH"] = `${options.pathPrefix}:${sandbox.env["PATH"] ?? ""}`;
    return { verdicts: await compareAll(sandbox, scenarios, options), notes };
  } finally {
    sandbox.dispose();
  }
}

async function compareAll(
  sandbox: Sandbox,
  scenarios: readonly Scenario[],
  { concurrency = 1, plainTwice = false, solid = false, escapes = false, commits = false }: Options,
): Promise<Verdict[]> {
  const through = plainTwice ? "bare" : "vrift";
  const traced = escapes ? "traced" : through;
  const root = sandbox.path("tree");
  const original = sandbox.path("original");
  mkdirSync(root);
  mkdirSync(sandbox.path("cache"));
  for (const scenario of scenarios) {
    const directory = join(root, slug(scenario));
    mkdirSync(directory);
    makeProject(directory);
    if (scenario.before === undefined) continue;
    const made = await runScript(sandbox, scenario, scenario.before, "bare");
    if (made.code !== 0) throw new Error(`before "${scenario.name}": ${made.stdout}${made.stderr}`);
  }
  ageDirectories(root);
  copyTree(root, original);

  const since = Math.floor(Date.now() / 1000) - 1;
  const plainBefore = inodesOf(sandbox, root);
  const plain = await runEach(sandbox, scenarios, "bare", 1);
  const plainInodes = sinceThen(plainBefore, inodesOf(sandbox, root));
  const plainTree = trees(sandbox, root, since, "bare");
  rmSync(root, { recursive: true });
  renameSync(original, root);

  let said = "";
  if (solid) registerSolid(sandbox, root);
  else if (!plainTwice) {
    said = sandbox.mustVrift(["phantom", "--yes", root]).stdout;
    const left = sandbox.run("find", [".", "-maxdepth", "2", "-name", "README.md", "-type", "f"], {
      cwd: root,
    });
    if (left.stdout !== "") throw new Error(`still physical:\n${left.stdout}`);
  }
  const before = inodesOf(sandbox, root);
  const committing = commits && !plainTwice && !solid ? new Committing(sandbox, root) : undefined;
  const between = async (): Promise<void> => committing?.moving();
  const second = await runEach(sandbox, scenarios, traced, concurrency, between);
  await committing?.end();
  const inodes = sinceThen(before, inodesOf(sandbox, root));
  const seenTree = trees(sandbox, root, since, through);
  said += sandbox.sh('tail -n 200 "$VRIFT_HOME"/run/*/vdir_d.log', sandbox.directory, "bare").stdout;
  if (!plainTwice && !solid) sandbox.mustVrift(["solid", root]);
  const solidTree = trees(sandbox, root, since, "bare");

  const verdicts = scenarios.map((scenario, i) => {
    const differences: string[] = [];
    const expected = plain[i];
    const got = second[i];
    if (expected === undefined || got === undefined) throw new Error(scenario.name);
    const normalise = scenario.normalise ?? ((text: string) => text);
    compareText(differences, "stdout", normalise(expected.stdout), normalise(got.stdout));
    compareText(differences, "stderr", normalise(expected.stderr), normalise(got.stderr));
    compareText(differences, "exit code", String(expected.code), String(got.code));
    const tree = (of: Map<string, string[]>): string => treeText(scenario, of.get(slug(scenario)) ?? []);
    compareText(differences, "tree seen through the library", tree(plainTree), tree(seenTree));
    compareText(differences, "tree after vrift solid", tree(plainTree), tree(solidTree));
    if (solid || plainTwice) compareText(differences, "inodes", tree(plainInodes), tree(inodes));
    if (escapes) compareText(differences, "past the library", "", unexplained(sandbox, scenario).join("\n"));
    // A scenario that compares nothing is no scenario.
    if (/^bash: (.*syntax error |.*: command not found)/m.test(expected.stderr))
      differences.push(`not in order: ${expected.stderr}`);
    return {
      scenario,
      differences,
      stdout: expected.stdout,
      stderr: expected.stderr,
      plainMs: expected.ms,
      phantomMs: got.ms,
    };
  });
  if (!plainTwice && verdicts.some(({ differences }) => differences.length > 0))
    console.error(`what vrift said of this tree:\n${said}`);
  return verdicts;
}

/** Everything old enough and read since, so that the index answers for it. */
function registerSolid(sandbox: Sandbox, root: string): void {
  sandbox.env["VRIFT_SETTLE_SECONDS"] = "0";
  sandbox.run("bash", ["-c", "find . -type f -exec cat {} + > /dev/null"], { cwd: root });
  sandbox.mustVrift(["run", "--root", root, "--", "true"]);
  sandbox.mustVrift(["sync", "--root", root]);
  const counts = sandbox.path("counts.json");
  const look = 'for each in "$PWD"/*/README.md; do [ -f "$each" ]; done';
  sandbox.mustVrift(["run", "--root", root, `--stats=${counts}`, "--", "bash", "-c", look], { cwd: root });
  const { index } = JSON.parse(readFileSync(counts, "utf8")) as { index: Readonly<Record<string, number>> };
  // Otherwise the kernel would be compared with itself.
  if ((index["exact"] ?? 0) === 0)
    throw new Error(`nothing is answered from the index: ${JSON.stringify(index)}`);
}

async function runEach(
  sandbox: Sandbox,
  scenarios: readonly Scenario[],
  through: Through,
  concurrency: number,
  after?: () => Promise<void>,
): Promise<Run[]> {
  const runs: Run[] = [];
  const left = scenarios.map((scenario, i) => [scenario, i] as const).reverse();
  const work = async (): Promise<void> => {
    for (let next = left.pop(); next !== undefined; next = left.pop()) {
      runs[next[1]] = await runScript(sandbox, next[0], next[0].script, through);
      await after?.();
    }
  };
  await Promise.all(Array.from({ length: concurrency }, work));
  return runs;
}

const reportOf = (sandbox: Sandbox, scenario: Scenario): string => sandbox.path(`${slug(scenario)}.escapes`);

/** What the tracer found and nothing explains, each kind once. */
function unexplained(sandbox: Sandbox, scenario: Scenario): string[] {
  const lines = readFileSync(reportOf(sandbox, scenario), "utf8").trimEnd().split("\n");
  if (lines.at(-1)?.startsWith("calls ") !== true) return ["the tracer did not come to its end"];
  const escapes = lines
    .slice(0, -1)
    .filter((line) => scenario.outside?.includes(line.split(" ")[1] ?? "") !== true);
  return [...new Set(escapes)];
}

/** Environment of a scenario; `OUT` is emptied. */
export function surroundings(sandbox: Sandbox, scenario: Scenario): Record<string, string> {
  const out = sandbox.path(join("out", slug(scenario)));
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  return {
    ...sandbox.env,
    CACHE: sandbox.path("cache"),
    OUT: out,
    PROJECT: projectRoot,
    PYTHONDONTWRITEBYTECODE: "1",
  };
}

function runScript(sandbox: Sandbox, scenario: Scenario, script: string, through: Through): Promise<Run> {
  const bash = ["bash", "-c", script, "bash"];
  const tracer = [join(projectRoot, "build", "native", "escapes"), sandbox.path("tree")];
  const run = [vriftCommand, "run", ...(scenario.hydrate === true ? ["--hydrate"] : []), "--"];
  const under = { bare: [], vrift: run, traced: [...run, ...tracer] };
  const [command, ...words] = [...under[through], ...bash];
  const started = performance.now();
  const child = spawn(command ?? "", words, {
    cwd: join(sandbox.path("tree"), slug(scenario)),
    env: {
      ...surroundings(sandbox, scenario),
      ...(through === "traced" ? { ESCAPES_REPORT: reportOf(sandbox, scenario) } : {}),
    },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  return new Promise((resolve, reject) => {
    const limit = setTimeout(() => {
      stderr += "\nkilled: it took too long\n";
      // Its whole process group: a child that keeps the pipes open would keep us.
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    }, SCENARIO_LIMIT_MS);
    child.once("error", reject);
    child.once("close", (code) => {
      clearTimeout(limit);
      resolve({ code, stdout, stderr, ms: Math.round(performance.now() - started) });
    });
  });
}

/**
 * Lines by scenario: path, type, mode, size, time, links, link target, then path and content hash. Times of this run read "new"; git's
 * index holds inode numbers.
 */
function trees(
  sandbox: Sandbox,
  root: string,
  since: number,
  through: "bare" | "vrift",
): Map<string, string[]> {
  const script = `
    find . -path ./.vrift -prune -o -mindepth 2 -printf '%P\\t%y\\t%m\\t%s\\t%T@\\t%n\\t%l\\n' |
      awk -F'\\t' -v OFS='\\t' '{ if ($2 == "d") { $4 = "-"; $6 = "-" } if ($5 + 0 >= ${since}) $5 = "new"; print }' | sort
    find . -path ./.vrift -prune -o -mindepth 2 -type f -print0 | sort -z | xargs -0 -r sha256sum | sed -E 's/^([^ ]+)  \\.\\/(.*)$/\\2\\tcontent\\t\\1/'`;
  const listed = sandbox.sh(script, root, through);
  if (listed.code !== 0 || listed.stderr !== "") throw new Error(`listing, ${through}: ${listed.stderr}`);
  const by = new Map<string, string[]>();
  for (const line of listed.stdout.split("\n")) {
    const at = line.indexOf("/");
    if (at < 0) continue;
    const key = line.slice(0, at);
    const lines = by.get(key);
    if (lines === undefined) by.set(key, [line.slice(at + 1)]);
    else lines.push(line.slice(at + 1));
  }
  return by;
}

function treeText(scenario: Scenario, lines: readonly string[]): string {
  return lines
    .map((line) => line.split("\t"))
    .filter(([path = ""]) => scenario.ignore?.test(path) !== true)
    .map((fields) => {
      const path = fields[0] ?? "";
      if (!/(^|\/)\.git\/(.*\/)?index$/.test(path) && scenario.volatile?.test(path) !== true)
        return fields.join("\t");
      return fields[1] === "content"
        ? `${path}\tcontent\t-`
        : [...fields.slice(0, 3), "-", ...fields.slice(4)].join("\t");
    })
    .join("\n");
}

/** The lines that one has and the other has not, at most twenty of each. */
function compareText(differences: string[], what: string, expected: string, got: string): void {
  if (expected === got) return;
  const plain = expected.split("\n");
  const phantom = got.split("\n");
  const only = (of: string[], other: readonly string[], sign: string): string[] => {
    const there = new Set(other);
    return of
      .filter((line) => !there.has(line))
      .slice(0, 20)
      .map((line) => `${sign}${line}`);
  };
  const shown = [...only(plain, phantom, "-"), ...only(phantom, plain, "+")];
  differences.push(
    `${what}:\n${shown.length > 0 ? shown.join("\n") : "(the same lines in another order or number)"}`,
  );
}
