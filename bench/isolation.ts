/**
 * Two projects: what a well-behaved client of one notices of what happens to the other. Its round trips, one at a time, through vriftd
 * and on the project's own socket, right before and during each disturbance; any failed request of it ends the run.
 * Nothing is pinned: daemons, clients and what disturbs share the machine.
 * VRIFT_BENCH_DISTURBANCE: a regular expression; only those whose names match.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { connect } from "../src/client/client.js";
import type { VriftClient } from "../src/client/client.js";
import { workspacePaths } from "../src/platform/paths.js";
import { encodeRequest } from "../src/protocol/encode.js";
import { encodeFrame } from "../src/protocol/frame.js";
import type { VeloRequest, VnodeEntry } from "../src/protocol/messages.js";
import { openStore } from "../src/store/content-store.js";
import { DaemonFixture } from "../test/daemon-fixture.js";
import type { BenchCase, BenchContext, BenchRow } from "./case.js";
import { disturbances } from "./disturbances.js";
import type { Disturbance, Victim } from "./disturbances.js";
import { measureLatency } from "./latency.js";
import type { Asked, Latency } from "./latency.js";
import { spread } from "./statistics.js";

const FILES = 256;
const only = new RegExp(process.env["VRIFT_BENCH_DISTURBANCE"] ?? "");
const chosen = disturbances.filter(({ what }) => only.test(what));

export const isolation: BenchCase = {
  name: "isolation",
  summary:
    "round trips of one project while another is disturbed, against right before; ratio: how many times as long",
  async run(context) {
    const bench = new IsolationBench(context);
    try {
      await bench.start();
      return await bench.run();
    } finally {
      await bench.end();
    }
  },
};

interface Probe {
  readonly what: string;
  readonly asked: Asked;
}

interface Pair {
  readonly before: Latency;
  readonly during: Latency;
}

class IsolationBench {
  readonly #context: BenchContext;
  readonly #fixture = new DaemonFixture();
  readonly #probes: Probe[] = [];
  #victim!: Victim;
  #victimClient!: VriftClient;
  #ended = false;
  #victimWork: Promise<void> | undefined;

  constructor(context: BenchContext) {
    this.#context = context;
  }

  async start(): Promise<void> {
    await this.#fixture.start();
    const store = await openStore(this.#fixture.home.source);
    const lease = store.lease();
    const { hash, size } = await store.importBytes(Buffer.from("content"), lease);
    const entry = { content_hash: new Uint8Array(hash), size, mtime: 5n, mode: 0o644, flags: 0 };
    const [a, b] = [await this.#project("a", entry), await this.#project("b", entry)];
    lease.release();
    store.close();
    this.#probes.push(
      { what: "ManifestGet through vriftd", asked: { ...b.through, requests: b.gets } },
      { what: "ManifestGet on the project's socket", asked: { ...b.own, requests: b.gets } },
      { what: "ManifestUpsert through vriftd", asked: { ...b.through, requests: b.upserts } },
      { what: "ManifestUpsert on the project's socket", asked: { ...b.own, requests: b.upserts } },
    );
    this.#victim = {
      paths: workspacePaths(this.#fixture.home, a.id),
      open: () => this.#open(a.root),
      own: { ...a.own, requests: a.gets },
      through: { ...a.through, requests: a.gets },
    };
    this.#victimClient = this.#fixture.client();
    this.#victimWork = this.#useVictim(a.root, entry);
  }

  async #project(name: string, entry: VnodeEntry): Promise<Project> {
    const root = join(this.#fixture.directory, name);
    mkdirSync(root);
    const control = await this.#fixture.control();
    const { workspace } = await control.call("open", { root, phantom: true });
    control.close();
    const client = this.#fixture.client();
    await client.register(root);
    const keys = Array.from({ length: FILES }, (_, i) => `directory/file${i}`);
    await Promise.all(keys.map((key) => client.upsert(key, entry)));
    client.close();
    const file = (what: string, requests: readonly VeloRequest[]): string => {
      const path = join(this.#fixture.directory, `${name}.${what}`);
      writeFileSync(path, Buffer.concat(requests.map((request) => encodeFrame(encodeRequest(request)))));
      return path;
    };
    const gets = file("gets", keys.map((path) => ({ type: "ManifestGet", path }))); // prettier-ignore
    const upserts = file("upserts", keys.map((path) => ({ type: "ManifestUpsert", path, entry }))); // prettier-ignore
    const bind = file("bind", [{ type: "RegisterWorkspace", project_root: root }]);
    const { daemonSocket } = this.#fixture.home;
    return {
      root,
      id: workspace.id,
      gets,
      upserts,
      through: { path: daemonSocket, setup: bind },
      own: { path: workspacePaths(this.#fixture.home, workspace.id).socket, setup: file("nothing", []) },
    };
  }

  /** Somebody needs the disturbed project all the time, and asks again and again. */
  async #useVictim(root: string, entry: VnodeEntry): Promise<void> {
    const client = this.#victimClient;
    for (let i = 0; !this.#ended; i++) {
      try {
        if (i === 0) await client.register(root);
        await client.upsert(`directory/file${i % FILES}`, entry);
        await client.get(`directory/file${(i * 7) % FILES}`);
      } catch {
        // That is what it is for.
      }
      await wait(10);
    }
  }

  /** Whatever was done to it, in the end it is opened. */
  async #open(root: string): Promise<void> {
    for (;;) {
      const client = connect({ socketPath: this.#fixture.home.daemonSocket });
      try {
        await client.register(root);
        await client.list("");
        return;
      } catch (error) {
        this.#context.note(`not yet: ${String(error)}`);
        await wait(500);
      } finally {
        client.close();
      }
    }
  }

  async run(): Promise<BenchRow[]> {
    const pairs = new Map<string, Pair[]>();
    for (let round = 0; round < (this.#context.toy ? 1 : 12); round++) {
      for (const disturbance of chosen) {
        const measured = await this.#disturb(disturbance);
        for (const [what, pair] of measured) pairs.set(what, [...(pairs.get(what) ?? []), pair]);
      }
    }
    return [...pairs].flatMap(([what, all]) => rows(what, all));
  }

  async #disturb({ what, begin }: Disturbance): Promise<[string, Pair][]> {
    const before = await this.#measureAll();
    const end = await begin(this.#victim);
    const during = await this.#measureAll();
    await end();
    return this.#probes.map((probe, i) => [
      `${probe.what}, the other project ${what}`,
      { before: before[i]!, during: during[i]! },
    ]);
  }

  async #measureAll(): Promise<Latency[]> {
    const all: Latency[] = [];
    for (const { asked } of this.#probes)
      all.push(await measureLatency(asked, this.#context.toy ? 100 : 400));
    return all;
  }

  async end(): Promise<void> {
    this.#ended = true;
    this.#victimClient?.close();
    await this.#victimWork;
    await this.#fixture.close();
  }
}

interface Project {
  readonly root: string;
  readonly id: string;
  readonly gets: string;
  readonly upserts: string;
  readonly through: Omit<Asked, "requests">;
  readonly own: Omit<Asked, "requests">;
}

function rows(what: string, pairs: readonly Pair[]): BenchRow[] {
  return (["p50", "p99", "worst"] as const).map((share) => ({
    what: `${what}, ${share}`,
    unit: "ns",
    ours: spread(pairs.map(({ during }) => during[share])),
    theirs: spread(pairs.map(({ before }) => before[share])),
    ratio: spread(pairs.map(({ before, during }) => during[share] / before[share])),
  }));
}
