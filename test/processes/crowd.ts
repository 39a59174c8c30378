/**
 * Many processes at once, many one after another, and a C project built again and again on a phantom tree: all of them end, nothing is
 * said on stderr, and no descriptor is left open, neither in a long-lived program nor in the daemon.
 */
import { spawn } from "node:child_process";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { ownerOf } from "../../src/workspace/owner-lock.js";
import { generateC } from "../differential/builds.js";
import { Sandbox, copyTree, vriftCommand } from "../e2e/sandbox.js";
import { projectOwners } from "../end-projects.js";

export interface CrowdSettings {
  /** At once. */
  readonly processes: number;
  /** All together. */
  readonly execs: number;
  /** Of the generated C project. */
  readonly sources: number;
  /** `make clean` and `make -j8`, so often. */
  readonly builds: number;
  /** A C project to build instead: a directory where `make` and `make clean` do. */
  readonly project?: string;
  /** A hang. */
  readonly limitMs: number;
}

const FILES = 50;

/** What went wrong, and how long each part took, in milliseconds. */
export interface CrowdReport {
  readonly failures: readonly string[];
  readonly ms: Readonly<Record<string, number>>;
}

export async function crowd(settings: CrowdSettings): Promise<CrowdReport> {
  const failures: string[] = [];
  const ms: Record<string, number> = {};
  const sandbox = new Sandbox();
  const root = sandbox.path("tree");
  try {
    mkdirSync(join(root, "data"), { recursive: true });
    for (let i = 0; i < FILES; i++) writeFileSync(join(root, "data", `f${i}`), `${i}\n`);
    if (settings.project === undefined) sandbox.sh(generateC(settings.sources), root, "bare");
    else copyTree(settings.project, join(root, "gen"));
    sandbox.mustVrift(["phantom", "--yes", root]);
    sandbox.sh("true", root, "vrift");
    const before = daemonDescriptors(sandbox);

    const run = async (what: string, script: string, expected: string | undefined): Promise<void> => {
      const started = performance.now();
      const { code, stdout, stderr } = await limited(sandbox, script, root, settings.limitMs);
      ms[what] = Math.round(performance.now() - started);
      if (code !== 0) failures.push(`${what}: ended with ${code}`);
      if (stderr !== "") failures.push(`${what}: stderr: ${stderr.slice(0, 500)}`);
      if (expected !== undefined && stdout !== expected)
        failures.push(`${what}: "${stdout.slice(0, 500)}", expected "${expected}"`);
    };
    const each = Math.ceil(settings.execs / settings.processes);
    const execs = each * settings.processes;
    // Each of the processes waits until all are there.
    await run(
      "processes at once",
      `d=$PWD; mkfifo ../gate; for p in $(seq ${settings.processes}); do
        ( read -r < ../gate || :; cd $d; for i in $(seq ${each}); do /bin/cat data/f$(((p * i) % ${FILES})) > /dev/null || echo lost; done; echo ok >> ../ended ) &
      done; exec 9<> ../gate; sleep 0.2; for p in $(seq ${settings.processes}); do echo >&9; done; exec 9>&-; wait; wc -l < ../ended`,
      `${settings.processes}\n`,
    );
    await run(
      "a long-lived program",
      `fds() { local n=(/proc/$$/fd/*); echo \${#n[@]}; }; a=$(fds); for i in $(seq ${Math.ceil(execs / 10)}); do read -r x < data/f$((i % ${FILES})); [ "$x" = $((i % ${FILES})) ] || echo wrong; done; for i in $(seq 0 ${FILES - 1}); do x=$(cat < data/f$i); exec 5< data/f1; exec 5<&-; done; b=$(fds); (( b <= a )) && echo none more || echo $a $b`,
      "none more\n",
    );
    await run(
      "writers",
      `for p in $(seq ${Math.min(settings.processes, 100)}); do (echo more >> data/f$((p % ${FILES})); sed -i s/more/less/ data/f$((p % ${FILES})) ) & done; wait; ls data | grep -vc '^f[0-9]*$' || true`,
      "0\n",
    );
    const make = settings.project === undefined ? "make -s -j8 && ./prog" : "make -s -j8 > /dev/null";
    const sum =
      settings.project === undefined ? `${buildSum(settings.sources)}\n`.repeat(settings.builds) : "";
    await run(
      "builds",
      `cd gen; for i in $(seq ${settings.builds}); do make -s clean > /dev/null; ${make} || exit 1; done`,
      sum,
    );

    const after = await settled(sandbox, before);
    if (isMore(after, before))
      failures.push(`descriptors of the daemons: ${shown(before)} before, ${shown(after)} after`);
    return { failures, ms };
  } finally {
    sandbox.dispose();
  }
}

/** main.c of generateC prints the sum of f_i(i) = i * i + 1. */
function buildSum(sources: number): number {
  let sum = 0;
  for (let i = 1; i <= sources; i++) sum += i * i + 1;
  return sum;
}

function limited(
  sandbox: Sandbox,
  script: string,
  cwd: string,
  limitMs: number,
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(vriftCommand, ["run", "--", "bash", "-c", script], {
    cwd,
    env: sandbox.env,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  return new Promise((resolve, reject) => {
    const limit = setTimeout(() => {
      stderr += "killed: it hangs\n";
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    }, limitMs);
    child.once("error", reject);
    child.once("close", (code) => {
      clearTimeout(limit);
      resolve({ code, stdout, stderr });
    });
  });
}

/** Of vriftd and of the project's process: how many are open, by process id. */
type Descriptors = ReadonlyMap<number, number>;

function daemonDescriptors(sandbox: Sandbox): Descriptors {
  const home = join(sandbox.home, ".vrift");
  const coordinator = ownerOf(join(home, "run/vriftd.lock"));
  const pids = [...(coordinator === undefined ? [] : [coordinator]), ...projectOwners(home)];
  return new Map(pids.map((pid) => [pid, readdirSync(`/proc/${pid}/fd`).length]));
}

/** Another process, too: none was to end. */
function isMore(after: Descriptors, before: Descriptors): boolean {
  return [...after].some(([pid, count]) => count > (before.get(pid) ?? 0));
}

function shown(descriptors: Descriptors): string {
  return [...descriptors].map(([pid, count]) => `${pid}: ${count}`).join(", ");
}

/** A connection that has just ended is closed a moment later; batches of work hold files open for a while. */
async function settled(sandbox: Sandbox, before: Descriptors): Promise<Descriptors> {
  const end = performance.now() + 20_000;
  for (;;) {
    const now = daemonDescriptors(sandbox);
    if (!isMore(now, before) || performance.now() > end) return now;
    await delay(100);
  }
}
