/**
 * A tree twice at the same path: plain, then phantom under the injected library, without a daemon
 * (native/test/phantom_fixture.c). What programs print and leave behind must be the same.
 */
import assert from "node:assert/strict";
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import { madeFolder, makeNative } from "../make-native.js";

export const LIBRARY = join(madeFolder, "libvrift_inception.so");
/** A test program of native/test. */
export function program(
  name:
    | "operations"
    | "quiet_reads"
    | "contention"
    | "spawning"
    | "calls"
    | "walking"
    | "escapes"
    | "faulted"
    | "held"
    | "moved"
    | "each"
    | "killed"
    | "agree"
    | "asked"
    | "handed"
    | "own_malloc"
    | "between",
): string {
  return join(madeFolder, name);
}
const FIXTURE = join(madeFolder, "phantom_fixture");
/** Longer than any scenario; a hang must not hang the suite. */
const TIMEOUT_MS = 60_000;
/** Files of a fresh tree get times from here; anything later was written by the scenario. */
const TREE_TIME_S = 1_600_000_000;

export function buildNative(): void {
  const products = ["libvrift_inception.so", "observed/libvrift_inception.so", "vrift-ask"];
  const failure = makeNative([...products.map((name) => `../build/native/${name}`), "tests"]);
  assert.equal(failure, undefined);
}

/** Content of a file; "->target" for a link; "!" in front of the content for an executable; a trailing slash for a directory. */
export type TreeSpec = Readonly<Record<string, string>>;

export interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export function makeTree(root: string, spec: TreeSpec): void {
  let second = TREE_TIME_S;
  for (const [name, content] of Object.entries(spec)) {
    const path = join(root, name);
    mkdirSync(name.endsWith("/") ? path : dirname(path), { recursive: true });
    if (name.endsWith("/")) continue;
    if (content.startsWith("->")) {
      symlinkSync(content.slice(2), path);
      continue;
    }
    const executable = content.startsWith("!");
    writeFileSync(path, executable ? content.slice(1) : content);
    chmodSync(path, executable ? 0o755 : 0o644);
    second += 7;
    utimesSync(path, second, second + 0.25);
  }
}

export class Phantom {
  readonly #fixture: ChildProcessWithoutNullStreams;
  readonly #lines: Interface;
  readonly #waiting: ((line: string) => void)[] = [];
  readonly root: string;
  readonly run: string;

  private constructor(root: string, run: string, source: string) {
    this.root = root;
    this.run = run;
    this.#fixture = spawn(FIXTURE, [root, run, source]);
    this.#fixture.stderr.pipe(process.stderr);
    this.#lines = createInterface({ input: this.#fixture.stdout });
    this.#lines.on("line", (line) => this.#waiting.shift()?.(line));
  }

  static async start(root: string, run: string, source: string): Promise<Phantom> {
    const phantom = new Phantom(root, run, source);
    assert.equal(await phantom.#answer(), "ready");
    return phantom;
  }

  #answer(): Promise<string> {
    return new Promise((resolve, reject) => {
      const failed = (code: number | null): void => reject(new Error(`phantom_fixture ended with ${code}`));
      this.#fixture.once("exit", failed);
      this.#waiting.push((line) => {
        this.#fixture.off("exit", failed);
        resolve(line);
      });
    });
  }

  /** `fold`, `distrust 0|1`, `die`. */
  async command(line: string): Promise<void> {
    const answer = this.#answer();
    this.#fixture.stdin.write(`${line}\n`);
    assert.equal(await answer, "ok");
  }

  get environment(): Record<string, string> {
    return { LD_PRELOAD: LIBRARY, VRIFT_INDEX: join(this.run, "index") };
  }

  async stop(): Promise<void> {
    if (this.#fixture.exitCode !== null) return;
    const ended = new Promise<void>((resolve) => this.#fixture.once("close", () => resolve()));
    this.#fixture.stdin.end();
    await ended;
  }
}

export function sh(
  script: string,
  cwd: string,
  extra: Readonly<Record<string, string>> = {},
  shell = "bash",
): Result {
  const { LD_PRELOAD: _1, VRIFT_INDEX: _2, ...inherited } = process.env;
  const ended = spawnSync(shell, ["-c", script], {
    cwd,
    env: { ...inherited, LC_ALL: "C", GIT_CONFIG_NOSYSTEM: "1", HOME: dirname(cwd), TZ: "UTC", ...extra },
    encoding: "utf8",
    timeout: TIMEOUT_MS,
    maxBuffer: 64 << 20,
  });
  return { code: ended.status, stdout: ended.stdout, stderr: ended.stderr };
}

/** One line per name: kind, mode, size, time when untouched, target, content. Run with or without the library. */
export function snapshot(root: string, extra: Readonly<Record<string, string>> = {}): string[] {
  const list = sh(
    `find . -mindepth 1 -path ./.vrift -prune -o -printf '%P\\t%y\\t%m\\t%s\\t%T@\\t%l\\n' | sort; echo --; ` +
      `find . -path ./.vrift -prune -o -type f -print0 | sort -z | xargs -0r sha256sum`,
    root,
    extra,
  );
  assert.doesNotMatch(list.stderr, /^(?!.*Permission denied).+/m);
  return list.stdout.split("\n").map((line) => {
    const [name, kind, mode, size, time, target] = line.split("\t");
    if (time === undefined) return line;
    if (kind === "d") return [name, kind, mode].join(" ");
    if (kind === "l") return [name, kind, target].join(" ");
    return [name, kind, mode, size, Number(time) > TREE_TIME_S + 1_000_000 ? "new" : time].join(" ");
  });
}

export interface Scenario {
  readonly tree: TreeSpec;
  readonly script: string;
  /** What may differ between two runs of the same program (times, process numbers): replaced in both. */
  readonly normalise?: (text: string) => string;
  readonly shell?: string;
  /** Names under `.git` and the like whose bytes hold times; left out of the comparison of trees. */
  readonly ignore?: RegExp;
}

/** Runs it on the plain tree, then on the phantom one: with the daemon trusted, then with it dead. */
export async function compare(scenario: Scenario): Promise<void> {
  const base = mkdtempSync(join(tmpdir(), "vrift-inception-"));
  const root = join(base, "home", "tree");
  const normalise = scenario.normalise ?? ((text: string) => text);
  const kept = (lines: string[]): string[] =>
    scenario.ignore === undefined ? lines : lines.filter((line) => !scenario.ignore?.test(line));
  try {
    makeTree(root, scenario.tree);
    const plain = sh(scenario.script, root, {}, scenario.shell);
    const plainTree = kept(snapshot(root));
    for (const state of ["trusted", "dead"]) {
      rmSync(join(base, "home"), { recursive: true });
      makeTree(root, scenario.tree);
      const phantom = await Phantom.start(root, join(base, `run-${state}`), join(base, "source"));
      try {
        const left = sh("find . -path ./.vrift -prune -o -type f ! -perm /111 -print", root).stdout;
        assert.equal(left, "", "every plain file is virtual");
        if (state === "dead") await phantom.command("die");
        const result = sh(scenario.script, root, phantom.environment, scenario.shell);
        assert.equal(normalise(result.stderr), normalise(plain.stderr), `stderr, ${state}`);
        assert.equal(normalise(result.stdout), normalise(plain.stdout), `stdout, ${state}`);
        assert.equal(result.code, plain.code, `exit code, ${state}`);
        assert.deepEqual(kept(snapshot(root, phantom.environment)), plainTree, `tree seen, ${state}`);
        if (state === "trusted") {
          await phantom.command("fold");
          assert.deepEqual(kept(snapshot(root, phantom.environment)), plainTree, "tree seen after resync");
        }
        sh(
          "find . -path ./.vrift -prune -o -type f -print0 | xargs -0r chmod u+r",
          root,
          phantom.environment,
        );
        assert.deepEqual(kept(snapshot(root)), plainTree, `tree made physical, ${state}`);
        assert.equal(sh("ls -A .vrift/staging", root).stdout, "", "staging is empty");
      } finally {
        await phantom.stop();
      }
    }
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
}
