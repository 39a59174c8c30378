import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";
import { TestHome, vriftPath } from "./vrift-process.js";

const home = new TestHome();
const project = join(home.work, "project");
const PATIENCE_MS = 30_000;

before(async () => {
  mkdirSync(join(project, "src"), { recursive: true });
  writeFileSync(join(project, "src/a"), "x");
  assert.equal((await home.vrift(["daemon", "start"])).code, 0);
});
after(() => home.remove());

/** A `vrift debug trace` that runs. */
class Following {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: string[] = [];
  readonly #ended: Promise<[number | null, NodeJS.Signals | null]>;
  #notes = "";
  #wake: () => void = () => undefined;

  constructor(command: string, args: readonly string[]) {
    this.#child = spawn(command, args, { cwd: home.work, env: { ...home.env, VRIFT: vriftPath } });
    this.#child.stdin.on("error", () => undefined);
    const said = (): void => this.#wake();
    createInterface({ input: this.#child.stdout }).on("line", (line) => {
      this.#lines.push(line);
      said();
    });
    this.#child.stderr.on("data", (chunk: Buffer) => {
      this.#notes += chunk.toString();
      said();
    });
    this.#ended = new Promise((resolve) =>
      this.#child.on("close", (code, signal) => resolve([code, signal])),
    );
  }

  static async begun(...args: string[]): Promise<Following> {
    const following = new Following(vriftPath, ["debug", "trace", ...args]);
    await following.notes(/following the traffic/);
    return following;
  }

  /** Takes standard error away once it matches. */
  async notes(pattern: RegExp): Promise<void> {
    await this.#until(() => pattern.test(this.#notes), String(pattern));
    this.#notes = "";
  }

  /** The lines up to the first one for which `last` holds. */
  async lines(last: (line: string) => boolean): Promise<string[]> {
    await this.#until(() => this.#lines.some(last), String(last));
    return this.#lines.splice(0, this.#lines.findIndex(last) + 1);
  }

  async end(signal: NodeJS.Signals): Promise<[number | null, NodeJS.Signals | null]> {
    this.#child.kill(signal);
    return this.#ended;
  }

  get ended(): Promise<[number | null, NodeJS.Signals | null]> {
    return this.#ended;
  }

  type(text: string): void {
    this.#child.stdin.write(text);
  }

  async #until(done: () => boolean, what: string): Promise<void> {
    const deadline = Date.now() + PATIENCE_MS;
    while (!done()) {
      if (Date.now() > deadline)
        assert.fail(`${what} never came; there is ${JSON.stringify([this.#lines, this.#notes])}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 100);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}

interface Line {
  readonly number: number;
  readonly time: string;
  readonly connection: number;
  readonly direction: string;
  readonly request?: number;
  readonly microseconds?: number;
  readonly message?: unknown;
  readonly dropped?: number;
}

const call = (...requests: string[]): ReturnType<TestHome["vrift"]> =>
  home.vrift(["debug", "call", "--root", project, ...requests]);

const GET = '{"ManifestGet":{"path":"src/a"}}';
const REMOVE = '{"ManifestRemove":{"path":"none"}}';
const LIST = '{"ManifestListDir":{"path":"src"}}';
const FILTER = `{"CasSweep":{"bloom_filter":"${"00".repeat(100)}"}}`;

describe("debug trace", () => {
  test("a line for each request with its reply, from the index too, and exit 0 on an interrupt", async () => {
    const trace = await Following.begun();
    await call(GET, LIST, GET, FILTER, '"Status"');
    // Of one connection replies are made in any order, though they go out in that of the requests.
    const lines: string[] = [];
    while (lines.length < 6) lines.push(...(await trace.lines(() => true)));
    const facts = /^\d\d:\d\d:\d\d\.\d{3} +#(\d+) +\d+\.\d us {2}/;
    for (const line of lines) assert.match(line, facts);
    assert.equal(new Set(lines.map((line) => facts.exec(line)![1])).size, 1);
    const [sweep, got, again, listed, registered, status] = lines
      .map((line) => line.replace(facts, ""))
      .sort();
    assert.match(registered!, /^RegisterWorkspace \{"project_root":".*"\} -> RegisterAck \{"workspace_id":/);
    assert.match(
      got!,
      /^ManifestGet \{"path":"src\/a"\} -> ManifestAck \{"entry":\{"content_hash":"[0-9a-f]{64}"/,
    );
    assert.equal(again, got);
    assert.equal(listed, 'ManifestListDir {"path":"src"} -> ManifestListAck {"entries":[{"name":"a","is_dir":false}]}'); // prettier-ignore
    assert.match(
      sweep!,
      /^CasSweep \{"bloom_filter":"(00){64}… \(100 bytes\)"\} -> CasSweepAck \{"deleted_count":0/,
    );
    assert.match(status!, /^Status -> StatusAck \{"status":"ready/);
    assert.deepEqual(await trace.end("SIGINT"), [0, null]);
  });

  test("--json: a line for each message; --project: what reaches the project's own process", async () => {
    const trace = await Following.begun("--json", "--project", "project");
    // A change: reads are answered from the index.
    await call(REMOVE);
    const lines = (await trace.lines((line) => line.includes('"reply"'))).map(
      (line) => JSON.parse(line) as Line,
    );
    const begin = lines.findIndex(({ message }) => JSON.stringify(message) === REMOVE);
    const request = lines[begin]!;
    const reply = lines.find((line) => line.request === request.number)!;
    assert.deepEqual(reply.message, { ManifestAck: { entry: null } });
    assert.equal(request.direction, "request");
    assert.equal(reply.direction, "reply");
    assert.equal(reply.connection, request.connection);
    assert.ok(reply.microseconds! > 0 && Date.parse(reply.time) >= Date.parse(request.time));
    assert.deepEqual(await trace.end("SIGTERM"), [0, null]);
  });

  test("goes on with the process that takes over, and fails when there is none", async () => {
    const trace = await Following.begun();
    assert.equal((await home.vrift(["daemon", "restart"])).code, 0);
    await trace.notes(/serves no longer; following/);
    await call(LIST);
    await trace.lines((line) => line.includes("ManifestListAck"));
    assert.equal((await home.vrift(["daemon", "stop"])).code, 0);
    assert.deepEqual(await trace.ended, [1, null]);
    const nobody = await home.vrift(["debug", "trace"]);
    assert.equal(nobody.code, 1);
    assert.match(nobody.stderr, /ECONNREFUSED/);
    assert.equal((await home.vrift(["daemon", "start"])).code, 0);
  });

  test("a reader that goes is no failure", async () => {
    const piped = new Following("bash", ["-c", '"$VRIFT" debug trace | head -1; echo "${PIPESTATUS[0]}"']);
    await piped.notes(/following/);
    await call('"Status"');
    // The first writes the line that ends `head`, this one finds that out.
    await piped.lines((line) => line.includes("RegisterWorkspace"));
    const end = piped.lines((line) => /^\d+$/.test(line));
    let over = false;
    void end.then(() => (over = true), () => (over = true)); // prettier-ignore
    while (!over) await call('"Status"');
    assert.deepEqual(await end, ["0"]);
  });

  test("on a terminal, ended with its interrupt character", async () => {
    const terminal = new Following("script", [
      "-qec",
      `trap : INT; ${vriftPath} debug trace; echo "ended $?"`,
      "/dev/null",
    ]);
    await terminal.lines((line) => line.includes("following the traffic"));
    await call(GET);
    await terminal.lines((line) => line.includes("ManifestGet"));
    terminal.type("\x03");
    await terminal.lines((line) => line.startsWith("ended 0") || line.startsWith("^Cended 0"));
  });

  test("wrong uses", async () => {
    for (const args of [["a"], ["--count", "1"], ["--root", "."]])
      assert.equal((await home.vrift(["debug", "trace", ...args])).code, 2, args.join(" "));
    const absent = await home.vrift(["debug", "trace", "--project", "absent"]);
    assert.equal(absent.code, 1);
    assert.match(absent.stderr, /ENOENT/);
  });
});
