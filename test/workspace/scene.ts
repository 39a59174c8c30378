/** The scene of killed-procedures.ts in a process of its own home, and what there is to see in it. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { hashFromHex, hashBytes, hashToHex } from "../../src/platform/hash.js";
import { silentLog } from "../../src/platform/log.js";
import { resolveHome } from "../../src/platform/paths.js";
import { openStore } from "../../src/store/content-store.js";
import { localProjects } from "../../src/workspace/local-project.js";
import type { ProjectWorkspace } from "../../src/workspace/project-workspace.js";
import { Registry } from "../../src/workspace/registry.js";
import type { Scene } from "./killed-procedures.js";

/** Opens it as whoever comes next. */
export async function within<T>(directory: string, work: (scene: Scene) => Promise<T>): Promise<T> {
  const home = resolveHome({ VRIFT_HOME: join(directory, "home") });
  const store = await openStore(home.source, { graceMs: 0 });
  const registry = new Registry(home, store, silentLog, localProjects({ home, store, log: silentLog }));
  try {
    const workspace = await registry.open(join(directory, "project"), true);
    return await work({ workspace, store, directory });
  } finally {
    await registry.close();
    store.close();
  }
}

/** Every name that the wire shows, with what it says of it. A directory's times move with what is in it. */
export async function look(workspace: ProjectWorkspace, key = ""): Promise<string[]> {
  const lines: string[] = [];
  for (const { name, is_dir } of await workspace.list(key)) {
    const path = key === "" ? name : `${key}/${name}`;
    const entry = await workspace.get(path);
    assert.ok(entry !== null, `${path} is listed`);
    const { content_hash, size, mtime, mode } = entry;
    lines.push(is_dir ? `${path}/ ${mode}` : `${path} ${mode} ${size} ${mtime} ${hashToHex(content_hash)}`);
    if (is_dir) lines.push(...(await look(workspace, path)));
  }
  return lines;
}

/** Every virtual entry has its blob, whole, and has it still after a sweep that spares nothing but what is named. */
export async function assertContent({ workspace, store }: Scene, what: string): Promise<void> {
  for (const round of ["", ", swept"]) {
    for (const { path, hash, size } of workspace.virtualEntries()) {
      const bytes = await store.readBlob({ hash: hashFromHex(hash)!, size: BigInt(size) });
      assert.equal(hashToHex(hashBytes(bytes)), hash, `${path}, ${what}${round}`);
    }
    if (round === "") await store.sweep({ has: () => false });
  }
}
