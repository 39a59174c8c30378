/**
 * ManifestGet on the project's own socket and on vriftd's, against bare node:net servers that know no manifest, by the same
 * client, servers on one core and the client on another. Round trips are compared with an echo, pipelined requests with a loop that only
 * cuts frames. A change, which vriftd hands on to the project's process, is compared with the same one sent there directly.
 */
import { writeFileSync } from "node:fs";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { Sandbox } from "../test/e2e/sandbox.js";
import { encodeRequest } from "../src/protocol/encode.js";
import { encodeFrame } from "../src/protocol/frame.js";
import type { VeloRequest } from "../src/protocol/messages.js";
import { resolveHome, workspacePaths } from "../src/platform/paths.js";
import { readWorkspaceFile } from "../src/workspace/identity.js";
import { ownerOf } from "../src/workspace/owner-lock.js";
import { connect } from "../src/client/client.js";
import type { BenchCase, BenchContext, BenchRow } from "./case.js";
import { spread } from "./statistics.js";
import { makeTree } from "./tree.js";
import { daemonMain, idleConnections, measure, rssAnon, startBareServer, startServer } from "./wire-sides.js";
import type { Load, Measured, Server } from "./wire-sides.js";

/** A ManifestAck with an entry. */
const REPLY_BYTES = 63;
const IDLE = 1000;
const UPSERTS = 64;

export const wire: BenchCase = {
  name: "wire",
  summary: "ManifestGet: round trip, pipelined, idle connections; the daemons' sockets against bare node:net",
  async run(context) {
    const bench = new WireBench(context);
    try {
      await bench.start();
      // Idle connections first: later there is room in the heap that was used for something else.
      return [...(await bench.idle()), ...bench.roundTrips(), ...bench.pipelined(), ...bench.changes()];
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
  readonly #upserts = this.#sandbox.path("upserts");
  /** vdir_d's socket. */
  #project!: Server;
  /** vriftd's. */
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
    const home = resolveHome(this.#sandbox.env);
    const pid = await this.#start(home.daemonSocket, [daemonMain], this.#sandbox.env);
    this.#sandbox.mustVrift(["phantom", root]);
    const setup = this.#file("setup", [{ type: "RegisterWorkspace", project_root: root }]);
    this.#daemon = { name: "vriftd", path: home.daemonSocket, pid, setup };
    const { socket, lock } = workspacePaths(home, readWorkspaceFile(root)!.id);
    this.#project = { name: "vdir_d", path: socket, pid: ownerOf(lock)!, setup };
    this.#file(
      "requests",
      keys.map((path) => ({ type: "ManifestGet", path })),
    );
    const client = connect({ socketPath: home.daemonSocket });
    await client.register(root);
    const upserts = keys.slice(0, UPSERTS).map(async (path): Promise<VeloRequest> => {
      const entry = await client.get(path);
      if (entry === null) throw new Error(`no entry ${path}`);
      return { type: "ManifestUpsert", path, entry };
    });
    this.#file("upserts", await Promise.all(upserts));
    client.close();
  }

  /** Several connections with one request under way show what waits for what. */
  roundTrips(): BenchRow[] {
    const sizes = this.#context.toy ? this.#sizes : [...this.#sizes, 1000];
    return sizes.flatMap((connections) => {
      const what = `round trip, ${connections} connection${connections > 1 ? "s" : ""}`;
      return this.#against(
        this.#echo,
        { connections, depth: 1, requests: this.#requests },
        (on, ours, theirs) => SHARES.map((share) => timeRow(`${what}, ${on}, ${share}`, share, ours, theirs)),
      );
    });
  }

  pipelined(): BenchRow[] {
    return this.#sizes.flatMap((connections) => {
      const depth = connections === 1 ? 256 : connections === 16 ? 64 : 16;
      const load = { connections, depth, requests: this.#requests };
      return this.#against(this.#parse, load, (on, ours, theirs) => {
        const what = `pipelined, ${connections} x ${depth}, ${on}`;
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
    });
  }

  /** The way through vriftd against the direct one. */
  changes(): BenchRow[] {
    const load = { connections: 1, depth: 1, requests: this.#upserts };
    const [through = [], direct = []] = this.#rounds([this.#daemon, this.#project], load);
    return SHARES.map((share) =>
      timeRow(`ManifestUpsert, vriftd against vdir_d, ${share}`, share, through, direct),
    );
  }

  async idle(): Promise<BenchRow[]> {
    const connections = this.#context.toy ? 20 : IDLE;
    const each: number[] = [];
    for (const server of [this.#project, this.#daemon, this.#parse]) {
      const before = rssAnon(server.pid);
      const child = await idleConnections(server, connections);
      const after = rssAnon(server.pid);
      child.stdin!.end();
      await once(child, "exit");
      this.#context.note(`${server.name}: ${before} KiB, with ${connections} idle connections ${after} KiB`);
      each.push((after - before) / connections);
    }
    const bare = each.pop()!;
    return [this.#project, this.#daemon].map(({ name }, i) =>
      row(`an idle connection of ${connections}, ${name}`, "KiB", [each[i]!], [bare], (a, b) => b / a),
    );
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

  /** Both of ours against `bare`, in the same rounds. */
  #against(
    bare: Server,
    load: Omit<Load, "milliseconds">,
    rows: (on: string, ours: readonly Measured[], theirs: readonly Measured[]) => BenchRow[],
  ): BenchRow[] {
    const servers = [this.#project, this.#daemon];
    const measured = this.#rounds([...servers, bare], load);
    return servers.flatMap(({ name }, i) => rows(name, measured[i]!, measured[servers.length]!));
  }

  /** What each server did in each round. Short and many: on a busy machine one second is not like the next. */
  #rounds(servers: readonly Server[], load: Omit<Load, "milliseconds">): Measured[][] {
    const { toy } = this.#context;
    if (!toy) for (const server of servers) measure(server, { ...load, milliseconds: 1000 });
    const all: Measured[][] = servers.map(() => []);
    for (let round = 0; round < (toy ? 1 : 15); round++)
      for (const [i, server] of servers.entries())
        all[i]!.push(measure(server, { ...load, milliseconds: toy ? 400 : 250 }));
    return all;
  }

  async #bare(kind: "echo" | "parse", setup: string): Promise<Server> {
    const path = this.#sandbox.path(kind);
    const child = await startBareServer(kind, path, REPLY_BYTES);
    this.#children.push(child);
    return { name: kind, path, pid: child.pid!, setup };
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

const SHARES = ["p50", "p99", "p999"] as const;

function timeRow(
  what: string,
  share: (typeof SHARES)[number],
  ours: readonly Measured[],
  theirs: readonly Measured[],
): BenchRow {
  const pick = (all: readonly Measured[]): number[] => all.map((each) => each[share]!);
  return row(what, "ns", pick(ours), pick(theirs), (a, b) => b / a);
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
