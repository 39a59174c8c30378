/**
 * ManifestGet on a socket of the daemon, against bare node:net servers that know no manifest, by the same client, each side
 * on a core of its own. Round trips are compared with an echo, pipelined requests with a loop that only cuts frames.
 * VRIFT_BENCH_SOCKET: measure on this socket of the daemon's home (relative to its `sockets/`; `*` is the workspace's id).
 */
import { writeFileSync } from "node:fs";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { Sandbox } from "../test/e2e/sandbox.js";
import { encodeRequest } from "../src/protocol/encode.js";
import { encodeFrame } from "../src/protocol/frame.js";
import type { VeloRequest } from "../src/protocol/messages.js";
import { readWorkspaceFile } from "../src/workspace/identity.js";
import type { BenchCase, BenchContext, BenchRow } from "./case.js";
import { spread } from "./statistics.js";
import { makeTree } from "./tree.js";
import { daemonMain, idleConnections, measure, rssAnon, startBareServer, startServer } from "./wire-sides.js";
import type { Load, Measured, Server } from "./wire-sides.js";

/** A ManifestAck with an entry. */
const REPLY_BYTES = 63;
const IDLE = 1000;

export const wire: BenchCase = {
  name: "wire",
  summary: "ManifestGet: round trip, pipelined, idle connections; the daemon's socket against bare node:net",
  async run(context) {
    const bench = new WireBench(context);
    try {
      await bench.start();
      // Idle connections first: later there is room in the heap that was used for something else.
      return [...(await bench.idle()), ...bench.roundTrips(), ...bench.pipelined()];
    } finally {
      await bench.end();
    }
  },
};

class WireBench {
  readonly #context: BenchContext;
  readonly #sandbox = new Sandbox();
  readonly #children: ChildProcess[] = [];
  readonly #requests = this.#sandbox.path("requests");
  #daemon!: Server;
  #echo!: Server;
  #parse!: Server;

  constructor(context: BenchContext) {
    this.#context = context;
  }

  async start(): Promise<void> {
    const root = this.#sandbox.path("p");
    const keys = makeTree(root, this.#context.toy ? 128 : 4096, 40);
    const none = this.#file("none", []);
    this.#echo = await this.#bare("echo", none);
    this.#parse = await this.#bare("parse", none);
    const sockets = join(this.#sandbox.home, ".vrift", "sockets");
    const pid = await this.#start(join(sockets, "vriftd.sock"), [daemonMain], this.#sandbox.env);
    this.#sandbox.mustVrift(["phantom", root]);
    const name = (process.env["VRIFT_BENCH_SOCKET"] ?? "vriftd.sock").replace(
      "*",
      readWorkspaceFile(root)!.id,
    );
    const setup = this.#file("setup", [{ type: "RegisterWorkspace", project_root: root }]);
    this.#daemon = { path: join(sockets, name), pid, setup };
    this.#file(
      "requests",
      keys.map((path) => ({ type: "ManifestGet", path })),
    );
  }

  /** Several connections with one request under way show what waits for what. */
  roundTrips(): BenchRow[] {
    return this.#sizes.flatMap((connections) => {
      const [ours, theirs] = this.#rounds(this.#echo, { connections, depth: 1 });
      const what = `round trip, ${connections} connection${connections > 1 ? "s" : ""}`;
      return (["p50", "p99", "p999"] as const).map((share) => {
        const pick = (all: readonly Measured[]): number[] => all.map((each) => each[share]!);
        return row(`${what}, ${share}`, "ns", pick(ours), pick(theirs), (a, b) => b / a);
      });
    });
  }

  pipelined(): BenchRow[] {
    return this.#sizes.flatMap((connections) => {
      const depth = connections === 1 ? 256 : connections === 16 ? 64 : 16;
      const [ours, theirs] = this.#rounds(this.#parse, { connections, depth });
      const what = `pipelined, ${connections} x ${depth}`;
      const faster = (a: number, b: number): number => a / b;
      const per = (name: "perSecond" | "perCoreSecond"): [number[], number[]] => [
        ours.map((each) => each[name]),
        theirs.map((each) => each[name]),
      ];
      return [
        row(what, "requests/s", ...per("perSecond"), faster),
        row(`${what}, a second of the server's processor`, "requests/s", ...per("perCoreSecond"), faster),
      ];
    });
  }

  async idle(): Promise<BenchRow[]> {
    const connections = this.#context.toy ? 20 : IDLE;
    const each: number[][] = [];
    for (const server of [this.#daemon, this.#parse]) {
      const before = rssAnon(server.pid);
      const child = await idleConnections(server, connections);
      const after = rssAnon(server.pid);
      child.stdin!.end();
      await once(child, "exit");
      this.#context.note(`${server.path}: ${before} KiB, with ${connections} idle connections ${after} KiB`);
      each.push([(after - before) / connections]);
    }
    return [row(`an idle connection of ${connections}`, "KiB", each[0]!, each[1]!, (a, b) => b / a)];
  }

  async end(): Promise<void> {
    this.#sandbox.dispose();
    for (const child of this.#children) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const exit = once(child, "exit");
      child.kill();
      await exit;
    }
  }

  get #sizes(): readonly number[] {
    return this.#context.toy ? [1, 4] : [1, 16, 256];
  }

  #rounds(other: Server, load: Pick<Load, "connections" | "depth">): [Measured[], Measured[]] {
    const { toy } = this.#context;
    // Short and many: on a busy machine one second is not like the next.
    const whole = { ...load, milliseconds: toy ? 50 : 250, requests: this.#requests };
    if (!toy) for (const server of [this.#daemon, other]) measure(server, { ...whole, milliseconds: 1000 });
    const ours: Measured[] = [];
    const theirs: Measured[] = [];
    for (let round = 0; round < (toy ? 1 : 15); round++) {
      ours.push(measure(this.#daemon, whole));
      theirs.push(measure(other, whole));
    }
    return [ours, theirs];
  }

  async #bare(kind: "echo" | "parse", setup: string): Promise<Server> {
    const path = this.#sandbox.path(kind);
    const child = await startBareServer(kind, path, REPLY_BYTES);
    this.#children.push(child);
    return { path, pid: child.pid!, setup };
  }

  async #start(path: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
    const child = await startServer(path, args, env);
    this.#children.push(child);
    return child.pid!;
  }

  #file(name: string, requests: readonly VeloRequest[]): string {
    const path = this.#sandbox.path(name);
    writeFileSync(path, Buffer.concat(requests.map((request) => encodeFrame(encodeRequest(request)))));
    return path;
  }
}

function row(
  what: string,
  unit: string,
  ours: readonly number[],
  theirs: readonly number[],
  times: (ours: number, theirs: number) => number,
): BenchRow {
  const ratios = ours.map((value, round) => times(value, theirs[round] ?? NaN));
  return { what, unit, ours: spread(ours), theirs: spread(theirs), ratio: spread(ratios) };
}
