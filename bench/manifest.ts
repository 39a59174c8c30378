/**
 * Manifest requests in a large tree against the same in a small one, and the rename of a directory of 10,000 virtual files, in
 * the workspace and through the daemon, against rename(2) of a plain one of that size.
 */
import { mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { localProjects } from "../src/workspace/local-project.js";
import { Registry } from "../src/workspace/registry.js";
import { hashToHex } from "../src/platform/hash.js";
import { silentLog } from "../src/platform/log.js";
import { resolveHome } from "../src/platform/paths.js";
import { openStore } from "../src/store/content-store.js";
import type { ContentStore } from "../src/store/store.js";
import type { ProjectWorkspace } from "../src/workspace/project-workspace.js";
import { DaemonFixture } from "../test/daemon-fixture.js";
import type { BenchCase, BenchContext, BenchRow } from "./case.js";
import { spread } from "./statistics.js";

const DIRECTORY = 100;

export const manifest: BenchCase = {
  name: "manifest",
  summary:
    "ListDir and Get in a large tree against a small one; a directory of 10,000 renamed against rename(2)",
  async run(context) {
    const directory = realpathSync(mkdtempSync(join(tmpdir(), "vrift-bench-")));
    const home = resolveHome({ VRIFT_HOME: join(directory, "home") });
    const store = await openStore(home.source);
    const registry = new Registry(home, store, silentLog, localProjects({ home, store, log: silentLog }));
    try {
      const open = async (name: string, files: number): Promise<ProjectWorkspace> => {
        mkdirSync(join(directory, name));
        const workspace = await registry.open(join(directory, name), true);
        await fill(workspace, store, files);
        return workspace;
      };
      const small = await open("small", 100);
      const large = await open("large", context.toy ? 1_000 : 100_000);
      const renamed = await open("renamed", context.toy ? 200 : 10_000);
      return [
        await compare(context, "ListDir of 10 names", (workspace) => workspace.list("ten"), large, small),
        await compare(context, "Get", (workspace) => workspace.get("ten/f3"), large, small),
        await renames(context, renamed, directory),
        await wireRenames(context, directory),
      ];
    } finally {
      await registry.close();
      store.close();
      rmSync(directory, { recursive: true });
    }
  },
};

/** `ten` with 10 files, and `tree` with the rest, 100 to a directory, all virtual. */
async function fill(workspace: ProjectWorkspace, store: ContentStore, files: number): Promise<void> {
  const { root } = workspace.info;
  const lease = store.lease();
  const { hash, size } = await store.importBytes(Buffer.from("content"), lease);
  const facts = {
    hash: hashToHex(hash),
    size: `${size}`,
    mtimeNs: "1700000000000000000",
    mode: 0o644,
    blocks: 8,
  };
  const entries = Array.from({ length: files }, (_, i) => {
    const name = i < 10 ? `ten/f${i}` : `tree/d${Math.floor(i / DIRECTORY)}/f${i}`;
    return { ...facts, path: name };
  });
  for (const { path } of entries) mkdirSync(join(root, path, ".."), { recursive: true });
  await workspace.resync();
  const { refused } = await workspace.adopt(entries, "virtual");
  if (refused.length > 0) throw new Error(`refused: ${JSON.stringify(refused[0])}`);
  lease.release();
}

/** Microseconds each, interleaved. */
async function compare(
  context: BenchContext,
  what: string,
  work: (workspace: ProjectWorkspace) => Promise<unknown>,
  large: ProjectWorkspace,
  small: ProjectWorkspace,
): Promise<BenchRow> {
  const calls = context.toy ? 20 : 1_000;
  const round = async (workspace: ProjectWorkspace): Promise<number> => {
    const begin = performance.now();
    for (let i = 0; i < calls; i++) await work(workspace);
    return ((performance.now() - begin) * 1000) / calls;
  };
  const [ours, theirs]: [number[], number[]] = [[], []];
  for (const workspace of [large, small]) await round(workspace);
  for (let i = 0; i < (context.toy ? 2 : 11); i++) {
    ours.push(await round(large));
    theirs.push(await round(small));
  }
  const name = `${what}, in a tree of ${large.info.entries} against one of ${small.info.entries}`;
  return { what: name, unit: "us", ...spreads(ours, theirs) };
}

async function renames(
  context: BenchContext,
  workspace: ProjectWorkspace,
  directory: string,
): Promise<BenchRow> {
  const plain = makePlain(directory, workspace.info.entries);
  const [ours, theirs]: [number[], number[]] = [[], []];
  for (let i = 0; i < (context.toy ? 2 : 20); i++) {
    const [from, to] = i % 2 === 0 ? (["tree", "moved"] as const) : (["moved", "tree"] as const);
    ours.push(await microseconds(() => workspace.rename(from, to)));
    theirs.push(await microseconds(async () => renameSync(join(plain, from), join(plain, to))));
  }
  const what = `Rename of a directory with ${workspace.info.entries} entries, against rename(2)`;
  return { what, unit: "us", ...spreads(ours, theirs) };
}

async function wireRenames(context: BenchContext, directory: string): Promise<BenchRow> {
  const t = new DaemonFixture();
  const files = context.toy ? 200 : 10_000;
  const store = await openStore(t.home.source);
  const lease = store.lease();
  try {
    await t.start();
    mkdirSync(join(t.root, "tree"));
    const control = await t.control();
    await control.call("open", { root: t.root, phantom: true });
    const raw = await t.raw();
    await raw.call({ type: "RegisterWorkspace", project_root: t.root });
    const { hash, size } = await store.importBytes(Buffer.from("content"), lease);
    const entry = { content_hash: new Uint8Array(hash), size, mtime: 5n, mode: 0o644, flags: 0 };
    for (let i = 0; i < files; i++) {
      const path = `tree/d${Math.floor(i / DIRECTORY)}/f${i}`;
      const reply = await raw.call({ type: "ManifestUpsert", path, entry });
      if (reply?.type !== "ManifestAck") throw new Error(JSON.stringify(reply));
    }
    const plain = join(directory, "plain");
    const [ours, theirs]: [number[], number[]] = [[], []];
    for (let i = 0; i < (context.toy ? 2 : 20); i++) {
      const [old_path, new_path] = i % 2 === 0 ? (["tree", "moved"] as const) : (["moved", "tree"] as const);
      const call = async (): Promise<void> => {
        const reply = await raw.call({ type: "ManifestRename", old_path, new_path });
        if (reply?.type !== "ManifestAck") throw new Error(JSON.stringify(reply));
      };
      ours.push(await microseconds(call));
      theirs.push(await microseconds(async () => renameSync(join(plain, old_path), join(plain, new_path))));
    }
    return { what: `the same through vriftd, ${files} files`, unit: "us", ...spreads(ours, theirs) };
  } finally {
    lease.release();
    store.close();
    await t.close();
  }
}

function makePlain(directory: string, files: number): string {
  const plain = join(directory, "plain");
  for (let i = 0; i < files; i++) {
    const parent = join(plain, "tree", `d${Math.floor(i / DIRECTORY)}`);
    if (i % DIRECTORY === 0) mkdirSync(parent, { recursive: true });
    writeFileSync(join(parent, `f${i}`), "");
  }
  return plain;
}

async function microseconds(work: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await work();
  return (performance.now() - begin) * 1000;
}

function spreads(
  ours: readonly number[],
  theirs: readonly number[],
): Pick<BenchRow, "ours" | "theirs" | "ratio"> {
  const ratio = spread(ours.map((value, i) => theirs[i]! / value));
  return { ours: spread(ours), theirs: spread(theirs), ratio };
}
