/**
 * Random requests from many connections to several projects, through vriftd and on the projects' own sockets, while vriftd and the
 * projects' processes are killed at random; compared with a model of manifest and store. What is claimed: every acknowledged change
 * is there, what was not acknowledged is there whole or not at all, and no read tells what no order of events explains.
 */
import type { ChildProcess } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { connect } from "../../src/client/client.js";
import { connectProject } from "../../src/client/connect-project.js";
import { openStore } from "../../src/store/content-store.js";
import type { ContentStore } from "../../src/store/store.js";
import type { WorkspaceKind } from "../../src/workspace/workspace.js";
import { DaemonFixture, killed } from "../daemon-fixture.js";
import type { RawConnection } from "../daemon-fixture.js";
import { Random } from "../store/random.js";
import { ModelConnection, directoryEntry } from "./connection.js";
import { LibraryLine, RawLine, connectRaw } from "./line.js";
import type { Line } from "./line.js";
import { LockUser } from "./locks.js";
import { ModelProject } from "./project.js";
import { StoreModel } from "./store.js";

/** Of a project, at least: those with requests to manifest and store, and those that take locks. */
const LINES = 4;
const LOCK_LINES = 4;
const KINDS: readonly WorkspaceKind[] = ["phantom", "solid", "phantom"];

export interface ModelReport {
  connections: number;
  killedProjects: number;
  killedDaemons: number;
  killedBoth: number;
  answered: number;
  unanswered: number;
  unansweredReads: Record<string, number>;
  /** FlockAcquire: answered with the lock, and with EWOULDBLOCK. */
  locked: number;
  lockedAlready: number;
  sweeps: number;
  swept: number;
  orphansChecked: number;
  /** Files whose bytes and entries were compared at the end. */
  files: number;
  failures: string[];
}

export interface ModelOptions {
  readonly killEveryMs?: number;
  /** At least; half of them take locks. */
  readonly connections?: number;
}

export async function runModel(
  seed: number,
  seconds: number,
  options: ModelOptions = {},
): Promise<ModelReport> {
  const run = new ModelRun(seed, options);
  try {
    return await run.run(seconds);
  } finally {
    await run.close();
  }
}

class ModelRun {
  readonly #random: Random;
  readonly #killEveryMs: number;
  /** How many of each kind of line a project has. */
  readonly #copies: number;
  readonly #fixture = new DaemonFixture({ VRIFT_SWEEP_GRACE_SECONDS: "0" });
  readonly #projects: ModelProject[] = [];
  readonly #connections: ModelConnection[] = [];
  readonly #lockUsers: LockUser[] = [];
  #over = false;
  readonly #kills = { killedProjects: 0, killedDaemons: 0, killedBoth: 0 };
  #store!: ContentStore;
  #model!: StoreModel;
  #daemon!: ChildProcess;
  #failures: string[] = [];
  #daemonDeaths = 0;

  constructor(seed: number, { killEveryMs = 400, connections = 1 }: ModelOptions) {
    this.#random = new Random(seed);
    this.#killEveryMs = killEveryMs;
    this.#copies = Math.ceil(connections / (KINDS.length * (LINES + LOCK_LINES)));
  }

  async run(seconds: number): Promise<ModelReport> {
    await this.#prepare();
    const until = Date.now() + seconds * 1000;
    const isOver = (): boolean => (this.#over ||= Date.now() > until || this.#hasFailed);
    const work = [...this.#connections, ...this.#lockUsers].map((one) => one.run(isOver));
    await this.#killSome(isOver);
    await Promise.all(work);
    await this.#judge();
    return this.#report();
  }

  get #hasFailed(): boolean {
    const parts = [...this.#connections, ...this.#projects.map(({ locks }) => locks)];
    return this.#failures.length > 0 || parts.some(({ failures }) => failures.length > 0);
  }

  async #prepare(): Promise<void> {
    this.#daemon = await this.#fixture.start();
    this.#store = await openStore(this.#fixture.home.source, { graceMs: 0 });
    this.#model = new StoreModel(this.#store);
    mkdirSync(this.#temporary);
    for (const [i, kind] of KINDS.entries()) await this.#addProject(`project${i}`, kind);
    for (const one of this.#connections) await one.begin();
  }

  get #temporary(): string {
    return join(this.#fixture.directory, "temporary");
  }

  async #addProject(name: string, kind: WorkspaceKind): Promise<void> {
    const root = join(this.#fixture.directory, name);
    mkdirSync(root);
    const control = await this.#fixture.control();
    const { workspace } = await control.call("open", { root, phantom: kind === "phantom" });
    control.close();
    const project = new ModelProject(this.#fixture.home, root, kind, workspace.id);
    this.#projects.push(project);
    await this.#makeShared(project);
    for (const line of this.#lines(project)) {
      const random = new Random(this.#random.below(1e9));
      this.#connections.push(new ModelConnection(line, project, this.#model, random, this.#temporary));
    }
    this.#addLockUsers(project);
  }

  /** Half of them through vriftd, whose death is the end of their locks, too. */
  #addLockUsers(project: ModelProject): void {
    const isOver = (): boolean => this.#over;
    const { daemonSocket } = this.#fixture.home;
    const bind = { type: "RegisterWorkspace", project_root: project.root } as const;
    for (let i = 0; i < this.#copies * LOCK_LINES; i++) {
      const through = i % 2 === 0;
      const name = `${through ? "through" : "own"} ${i}`;
      const open = (): Promise<RawConnection> =>
        through ? connectRaw(daemonSocket, bind, isOver) : connectRaw(project.socket, undefined, isOver);
      const life = (): (() => boolean) => {
        const projectLives = project.lifeFromNow();
        const deaths = this.#daemonDeaths;
        return () => projectLives() && (!through || deaths === this.#daemonDeaths);
      };
      const random = new Random(this.#random.below(1e9));
      this.#lockUsers.push(new LockUser(name, open, project.locks, random, life));
    }
  }

  async #makeShared(project: ModelProject): Promise<void> {
    const client = connect({ socketPath: project.socket });
    await client.upsert("shared", directoryEntry(1n));
    for (const { path, register, contents } of project.shared) {
      const mtime = project.nextTime();
      const { hash, size, lease } = await this.#model.put(path);
      register.writing(mtime, performance.now());
      await client.upsert(path, { content_hash: hash, size, mtime, mode: 0o644, flags: 0 });
      register.written(mtime, performance.now());
      contents.set(mtime, Buffer.from(hash).toString("hex"));
      lease.release();
    }
    client.close();
  }

  #lines(project: ModelProject): Line[] {
    return Array.from({ length: this.#copies }, (_, copy) => this.#linesOf(project, copy)).flat();
  }

  /** Through vriftd and past it, with the library and without. */
  #linesOf(project: ModelProject, copy: number): Line[] {
    const { daemonSocket } = this.#fixture.home;
    const { root, socket } = project;
    const bind = { type: "RegisterWorkspace", project_root: root } as const;
    const through = connect({ socketPath: daemonSocket, timeoutMs: 20_000 });
    // Sent once for all: the library binds every later connection again.
    void through.register(root).catch((error: unknown) => this.#failures.push(String(error)));
    const named = (name: string): string => (copy === 0 ? name : `${name}-${copy}`);
    return [
      new LibraryLine(named("through"), through),
      new RawLine(named("raw-through"), daemonSocket, bind),
      new LibraryLine(named("own"), connectProject(root, { env: this.#fixture.env, timeoutMs: 20_000 })),
      new RawLine(named("raw-own"), socket, undefined),
    ];
  }

  async #killSome(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      await wait(this.#random.below(2 * this.#killEveryMs));
      const project = this.#projects[this.#random.below(this.#projects.length)]!;
      const chance = this.#random.below(10);
      if (chance < 6) {
        if (await project.kill()) this.#kills.killedProjects++;
      } else if (chance < 8) {
        this.#kills.killedDaemons++;
        await this.#killDaemon();
      } else {
        this.#kills.killedBoth++;
        await Promise.all([this.#killDaemon(), project.kill()]);
      }
    }
  }

  async #killDaemon(): Promise<void> {
    this.#daemonDeaths++;
    await killed(this.#daemon);
    await wait(this.#random.below(this.#killEveryMs));
    this.#daemon = this.#fixture.spawn();
  }

  /** Everything once more, and again after everything died. */
  async #judge(): Promise<void> {
    for (let round = 0; round < 2 && !this.#hasFailed; round++) {
      await Promise.all([killed(this.#daemon), ...this.#projects.map((project) => project.kill())]);
      this.#daemon = this.#fixture.spawn();
      await Promise.all(this.#connections.map((one) => one.settle()));
    }
    for (const project of this.#projects) this.#failures.push(...project.failures());
  }

  #report(): ModelReport {
    const all = this.#connections;
    const sum = (of: "answered" | "unanswered"): number =>
      all.reduce((total, { told }) => total + told[of], 0);
    const why: Record<string, number> = {};
    for (const { told } of all)
      for (const [reason, count] of told.why) why[reason] = (why[reason] ?? 0) + count;
    return {
      connections: all.length + this.#lockUsers.length,
      ...this.#kills,
      answered: sum("answered"),
      unanswered: sum("unanswered"),
      unansweredReads: why,
      locked: this.#projects.reduce((total, { locks }) => total + locks.granted, 0),
      lockedAlready: this.#projects.reduce((total, { locks }) => total + locks.refused, 0),
      sweeps: this.#model.sweeps,
      swept: this.#model.deleted,
      orphansChecked: this.#model.orphansChecked,
      files: all.reduce(
        (total, { tree }) => total + [...tree.values()].filter((file) => file !== null).length,
        0,
      ),
      failures: [...this.#failures, ...this.#model.failures, ...all.flatMap(({ failures }) => failures)],
    };
  }

  async close(): Promise<void> {
    for (const { line } of this.#connections) line.close();
    await this.#fixture.close();
    this.#store?.close();
  }
}
