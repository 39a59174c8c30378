/** What killed.test.ts kills: one mutation each, on the tree that `prepare` makes. */
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { native } from "../../src/platform/native.js";
import { projectPaths } from "../../src/platform/paths.js";
import type { VnodeEntry } from "../../src/protocol/messages.js";
import type { ContentStore } from "../../src/store/store.js";
import type { ProjectWorkspace } from "../../src/workspace/project-workspace.js";
import { whiteoutStem } from "../../src/workspace/whiteouts.js";

export interface Scene {
  readonly workspace: ProjectWorkspace;
  readonly store: ContentStore;
  readonly directory: string;
}

const MTIME = 1_700_000_000_123_456_789n;

/** Where the file that reingest takes lies. */
export const handedOver = (directory: string): string => join(directory, "handed-over");

/** Under a lease, as a client has one between CasInsert and ManifestUpsert. */
async function upsert(
  { workspace, store }: Scene,
  key: string,
  text: string,
  mode = 0o644,
): Promise<VnodeEntry> {
  const lease = store.lease();
  try {
    const { hash, size } = await store.importBytes(Buffer.from(text), lease);
    const content_hash = new Uint8Array(hash);
    return await workspace.upsert(key, { content_hash, size, mtime: MTIME, mode, flags: 0 });
  } finally {
    lease.release();
  }
}

/** The directory with home and project, in a temporary directory. */
export function makeSceneDirectory(temporary: string): string {
  const directory = realpathSync(mkdtempSync(join(temporary, "vrift-killed-")));
  mkdirSync(join(directory, "project"));
  return directory;
}

/** Virtual: v, w, d/v1, d/deep/v2. Physical: p, q (executable), d/p1, d/.env, and a file to hand over. */
export async function prepare(scene: Scene): Promise<void> {
  const { workspace, directory } = scene;
  for (const key of ["v", "w", "d/v1", "d/deep/v2"]) await upsert(scene, key, key);
  for (const key of ["p", "q", "d/p1"]) await upsert(scene, key, key, 0o755);
  mkdirSync(join(directory, "project/e"));
  const secret = join(directory, "project/d/.env");
  writeFileSync(secret, "secret");
  native.setTimes(secret, MTIME, MTIME);
  const path = handedOver(directory);
  writeFileSync(path, "handed over");
  chmodSync(path, 0o600);
  native.setTimes(path, MTIME, MTIME);
  await workspace.resync();
}

export const procedures: Readonly<Record<string, (scene: Scene) => Promise<unknown>>> = {
  "upsert, virtual": (scene) => upsert(scene, "v", "new"),
  "upsert, new directories": (scene) => upsert(scene, "n/m/v", "new"),
  "upsert, physical": (scene) => upsert(scene, "p", "new", 0o700),
  "remove, virtual": ({ workspace }) => workspace.remove("v"),
  "remove, physical": ({ workspace }) => workspace.remove("p"),
  "remove, directory": ({ workspace }) => workspace.remove("e"),
  "rename, virtual onto nothing": ({ workspace }) => workspace.rename("v", "e/x"),
  "rename, virtual onto virtual": ({ workspace }) => workspace.rename("v", "w"),
  "rename, virtual onto physical": ({ workspace }) => workspace.rename("v", "q"),
  "rename, physical onto virtual": ({ workspace }) => workspace.rename("p", "v"),
  "rename, physical onto physical": ({ workspace }) => workspace.rename("p", "q"),
  "rename, directory": ({ workspace }) => workspace.rename("d", "e/x"),
  "rename, directory onto an empty one": ({ workspace }) => workspace.rename("d", "e"),
  "updateMtime, virtual": ({ workspace }) => workspace.updateMtime("v", 5n),
  "updateMtime, physical": ({ workspace }) => workspace.updateMtime("p", 5n),
  "reingest, virtual": ({ workspace, directory }) =>
    workspace.reingest("v", handedOver(directory), process.getuid!()),
  "reingest, new": ({ workspace, directory }) =>
    workspace.reingest("new", handedOver(directory), process.getuid!()),
  "reingest, physical": ({ workspace, directory }) =>
    workspace.reingest("p", handedOver(directory), process.getuid!()),
  "resync, whiteout": async ({ workspace, directory }) => {
    const name = whiteoutStem(Buffer.from("d/v1"));
    writeFileSync(join(projectPaths(join(directory, "project")).whiteouts, name), "d/v1");
    await workspace.resync();
  },
};

/** What changes nothing that anybody sees: killed-roots.test.ts, killed-commit.test.ts. */
export const keeping: typeof procedures = {
  "rewriting the roots": ({ workspace }) => workspace.tidyRoots(),
  commit: ({ workspace }) => workspace.commit({ dehydrate: false }),
  dehydrate: ({ workspace }) => workspace.commit({ dehydrate: true }),
};

/** Plain files as programs write them: two of the same content, and one over a virtual file. For `commit` and `dehydrate`. */
export function writeAsPrograms({ directory }: Pick<Scene, "directory">): void {
  const root = join(directory, "project");
  for (const [key, text] of [
    ["w1", "written"],
    ["d/w2", "written"],
    ["d/deep/w3", "written elsewhere"],
    ["v", "written over it"],
  ] as const) {
    writeFileSync(join(root, key), text);
    native.setTimes(join(root, key), MTIME, MTIME);
  }
}
