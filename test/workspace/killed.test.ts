/**
 * kill -9 right before each change that a mutation makes: whoever opens the workspace next finds the tree as it was before or as
 * it is afterwards, nothing in between, and afterwards when the mutation was acknowledged. The tables are in docs/store.md.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { localProjects } from "../../src/workspace/local-project.js";
import { Registry } from "../../src/workspace/registry.js";
import { hashToHex } from "../../src/platform/hash.js";
import { silentLog } from "../../src/platform/log.js";
import { resolveHome } from "../../src/platform/paths.js";
import { openStore } from "../../src/store/content-store.js";
import { IndexReader } from "../../src/vdir/index-reader.js";
import { handedOver, makeSceneDirectory, prepare, procedures } from "./killed-procedures.js";
import type { Scene } from "./killed-procedures.js";
import type { ProjectWorkspace } from "../../src/workspace/project-workspace.js";

/** `all`: before every change, one after the other (minutes). */
const ROUNDS = process.env["VRIFT_KILL_ROUNDS"] ?? "2";
const SEED = Number(process.env["VRIFT_TEST_SEED"] ?? Date.now() % 1_000_000);
const child = fileURLToPath(new URL("./killed-child.js", import.meta.url));

/** Park-Miller: the same points again for the same seed. */
function random(seed: number): () => number {
  let state = (seed % 2147483646) + 1;
  return () => (state = (state * 48271) % 2147483647) / 2147483647;
}

async function within<T>(directory: string, work: (scene: Scene) => Promise<T>): Promise<T> {
  const home = resolveHome({ VRIFT_HOME: join(directory, "home") });
  const store = await openStore(home.source);
  const registry = new Registry(home, store, silentLog, localProjects({ home, store, log: silentLog }));
  try {
    const workspace = await registry.open(join(directory, "project"), true);
    return await work({ workspace, store, directory });
  } finally {
    await registry.close();
    store.close();
  }
}

async function newScene(): Promise<string> {
  const directory = makeSceneDirectory(tmpdir());
  await within(directory, prepare);
  return directory;
}

/** Every name that the wire shows, with what it says of it. A directory's times move with what is in it. */
async function snapshot(workspace: ProjectWorkspace, key = ""): Promise<string[]> {
  const lines: string[] = [];
  for (const { name, is_dir } of await workspace.list(key)) {
    const path = key === "" ? name : `${key}/${name}`;
    const entry = await workspace.get(path);
    assert.ok(entry !== null, `${path} is listed`);
    const { content_hash, size, mtime, mode } = entry;
    lines.push(is_dir ? `${path}/ ${mode}` : `${path} ${mode} ${size} ${mtime} ${hashToHex(content_hash)}`);
    if (is_dir) lines.push(...(await snapshot(workspace, path)));
  }
  return lines;
}

/** As it is found, and after another comparison; the index has the same names. */
async function found(directory: string): Promise<string[]> {
  return within(directory, async ({ workspace }) => {
    const lines = await snapshot(workspace);
    await workspace.resync();
    assert.deepEqual(await snapshot(workspace), lines, "a comparison changes nothing");
    const names = [...IndexReader.open(workspace.info.index).entries()].map(({ key }) => key);
    const listed = lines.map((line) => line.split(" ")[0]!.replace(/\/$/, ""));
    assert.deepEqual(names.filter((key) => key !== "" && key !== ".vrift").sort(), listed.sort());
    return lines;
  });
}

/** The changes until it was acknowledged, or null when it was killed before that. */
function runKilled(at: number, directory: string, procedure: string): number | null {
  const result = spawnSync(process.execPath, [child, String(at), directory, procedure], { encoding: "utf8" });
  assert.equal(result.signal, "SIGKILL", result.stderr);
  return result.stdout === "" ? null : Number(result.stdout);
}

/** What else may be left: directories that were made for a name that did not come. */
function withoutNewDirectories(lines: string[], before: readonly string[]): string[] {
  return lines.filter((line) => before.includes(line) || !/^n\/(m\/)? /.test(line));
}

async function killEverywhere(context: TestContext, procedure: string): Promise<void> {
  const whole = await newScene();
  const before = await found(whole);
  const calls = runKilled(Infinity, whole, procedure);
  assert.ok(calls !== null && calls > 0, `${procedure} makes ${calls} changes`);
  const after = await found(whole);
  assert.notDeepEqual(after, before);
  rmSync(whole, { recursive: true });

  const next = random(SEED);
  const points =
    ROUNDS === "all"
      ? Array.from({ length: calls }, (_, i) => i + 1)
      : Array.from({ length: Number(ROUNDS) }, () => 1 + Math.floor(next() * calls));
  context.diagnostic(`${calls} changes, killed before ${points.join(" ")} (VRIFT_TEST_SEED=${SEED})`);
  for (const at of points) {
    const directory = await newScene();
    assert.equal(runKilled(at, directory, procedure), null);
    const state = await found(directory);
    const isAfter = after.join("\n") === state.join("\n");
    if (!isAfter)
      assert.deepEqual(withoutNewDirectories(state, before), before, `killed before change ${at}`);
    if (!existsSync(handedOver(directory))) assert.ok(isAfter, "consumed, and not there");
    rmSync(directory, { recursive: true });
  }
}

for (const procedure of Object.keys(procedures))
  test(procedure, (context) => killEverywhere(context, procedure));
