/** What can happen to a project: each begins, goes on for a while, and is ended, so that the project is well again. */
import { spawnSync } from "node:child_process";
import { closeSync, copyFileSync, existsSync, fstatSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { WorkspacePaths } from "../src/platform/paths.js";
import { killNamed } from "../src/platform/process-state.js";
import { PROJECT_PROCESS } from "../src/daemon/project-process.js";
import { ownerOf } from "../src/workspace/owner-lock.js";
import { runClient } from "./latency.js";
import type { Asked } from "./latency.js";

export interface Victim {
  readonly paths: WorkspacePaths;
  /** Opens it, when it is not open. */
  readonly open: () => Promise<void>;
  /** Requests that it answers, on its own socket and through vriftd. */
  readonly own: Asked;
  readonly through: Asked;
}

export interface Disturbance {
  readonly what: string;
  /** Resolves with what ends it. */
  begin(victim: Victim): Promise<() => Promise<void>>;
}

/** Bytes overwritten at each of so many places. */
const DAMAGE = 64;
const PLACES = 200;
const FLOOD = { connections: 8, depth: 64 };
const LONG_MS = 600_000;

export const disturbances: readonly Disturbance[] = [
  { what: "undisturbed", begin: () => Promise.resolve(() => Promise.resolve()) },
  { what: "stopped (SIGSTOP)", begin: stop },
  { what: "killed over and over", begin: killOften },
  { what: "manifest and index overwritten, killed", begin: damage },
  { what: "unable to write (file size limit)", begin: fill },
  { what: "flooded on its own socket", begin: ({ own }) => flood(own) },
  { what: "flooded through vriftd", begin: ({ through }) => flood(through) },
];

async function stop(victim: Victim): Promise<() => Promise<void>> {
  const pid = ownerOf(victim.paths.lock);
  if (pid === undefined) throw new Error("nobody to stop");
  process.kill(pid, "SIGSTOP");
  return async () => {
    await killNamed(pid, PROJECT_PROCESS);
    await victim.open();
  };
}

/** Whoever is there is killed at once. */
function killOften(victim: Victim): Promise<() => Promise<void>> {
  let over = false;
  const killing = (async (): Promise<void> => {
    while (!over) {
      await killOwner(victim.paths.lock);
      await wait(1);
    }
  })();
  return Promise.resolve(async () => {
    over = true;
    await killing;
    await victim.open();
  });
}

/** In place, so that whoever maps the files sees it; then killed, so that the next one has to open them. */
async function damage(victim: Victim): Promise<() => Promise<void>> {
  const { db, index, lock } = victim.paths;
  const files = [join(db, "data.mdb"), index].filter((path) => existsSync(path));
  for (const path of files) copyFileSync(path, `${path}.sound`);
  for (const path of files) overwrite(path);
  await killOwner(lock);
  return async () => {
    for (const path of files) {
      copyFileSync(`${path}.sound`, path);
      rmSync(`${path}.sound`);
    }
    // Whoever has opened it meanwhile may have read some of both.
    await killOwner(lock);
    await victim.open();
  };
}

async function killOwner(lock: string): Promise<void> {
  const pid = ownerOf(lock);
  if (pid !== undefined) await killNamed(pid, PROJECT_PROCESS);
}

function overwrite(path: string): void {
  const fd = openSync(path, "r+");
  const { size } = fstatSync(fd);
  for (let place = 0; place < PLACES; place++) {
    const bytes = Buffer.alloc(DAMAGE, place * 37 + 1);
    writeSync(fd, bytes, 0, DAMAGE, Math.floor((size - DAMAGE) * (place / PLACES)));
  }
  closeSync(fd);
}

/** No file of it can grow: what a full disk is to it and to nobody else. */
async function fill(victim: Victim): Promise<() => Promise<void>> {
  const pid = ownerOf(victim.paths.lock);
  const set = spawnSync("prlimit", ["--pid", String(pid), "--fsize=1:1"], { encoding: "utf8" });
  if (set.status !== 0) throw new Error(`prlimit: ${set.stderr}`);
  return async () => {
    if (pid !== undefined) await killNamed(pid, PROJECT_PROCESS);
    await victim.open();
  };
}

function flood(asked: Asked): Promise<() => Promise<void>> {
  const child = runClient(asked, { ...FLOOD, milliseconds: LONG_MS });
  child.done.catch(() => undefined);
  return Promise.resolve(async () => {
    child.end();
    await child.done.catch(() => undefined);
  });
}
