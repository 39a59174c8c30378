/** A home, a store and a project in a temporary directory, for tests of workspaces. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { hashToHex } from "../src/platform/hash.js";
import { silentLog } from "../src/platform/log.js";
import { projectPaths, resolveHome } from "../src/platform/paths.js";
import type { Home } from "../src/platform/paths.js";
import type { VnodeEntry } from "../src/protocol/messages.js";
import { openStore } from "../src/store/content-store.js";
import type { ContentStore } from "../src/store/store.js";
import { localProjects } from "../src/workspace/local-project.js";
import type { LocalOptions } from "../src/workspace/local-project.js";
import type { ProjectWorkspace } from "../src/workspace/project-workspace.js";
import { Registry } from "../src/workspace/registry.js";
import { whiteoutStem } from "../src/workspace/whiteouts.js";
import type { AdoptEntry } from "../src/workspace/workspace.js";

export interface Fixture {
  readonly directory: string;
  readonly home: Home;
  readonly store: ContentStore;
  readonly registry: Registry<ProjectWorkspace>;
  /** Real path of an empty directory. */
  readonly root: string;
  /** Writes a file (making directories) below the root. */
  write(key: string, text: string): void;
  /** Puts a text into the store. */
  blob(text: string): Promise<{ hash: Uint8Array; size: bigint }>;
  adoptEntry(key: string, text: string, mtimeNs?: bigint): Promise<AdoptEntry>;
  fileEntry(text: string, mode?: number, mtime?: bigint): Promise<VnodeEntry>;
  /** As a program does before it unlinks a virtual name. */
  whiteOut(key: string): string;
  /** A registry as the next daemon has it, with other options if they are given. */
  reopen(changed?: FixtureOptions): Promise<Registry<ProjectWorkspace>>;
  close(): Promise<void>;
}

export type FixtureOptions = Pick<LocalOptions, "watch" | "settleMs" | "commit" | "quota">;

export async function workspaceFixture(options: FixtureOptions = {}): Promise<Fixture> {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), "vrift-workspace-")));
  const home = resolveHome({ VRIFT_HOME: join(directory, "home") });
  const root = join(directory, "project");
  mkdirSync(root);
  const store = await openStore(home.source);
  const newRegistry = (changed: FixtureOptions = options): Registry<ProjectWorkspace> =>
    new Registry(home, store, silentLog, localProjects({ home, store, log: silentLog, ...changed }));
  const registries = [newRegistry()];
  const lease = store.lease();

  const blob = async (text: string): Promise<{ hash: Uint8Array; size: bigint }> => {
    const { hash, size } = await store.importBytes(Buffer.from(text), lease);
    return { hash: new Uint8Array(hash), size };
  };
  return {
    directory,
    home,
    store,
    get registry() {
      return registries.at(-1)!;
    },
    root,
    write: (key, text) => {
      mkdirSync(dirname(join(root, key)), { recursive: true });
      writeFileSync(join(root, key), text);
    },
    blob,
    adoptEntry: async (key, text, mtimeNs = 1_700_000_000_123_456_789n) => {
      const { hash, size } = await blob(text);
      return {
        path: key,
        hash: hashToHex(hash),
        size: `${size}`,
        mtimeNs: `${mtimeNs}`,
        mode: 0o640,
        blocks: 8,
      };
    },
    fileEntry: async (text, mode = 0o644, mtime = 1_700_000_000_123_456_789n) => {
      const { hash, size } = await blob(text);
      return { content_hash: hash, size, mtime, mode, flags: 0 };
    },
    whiteOut: (key) => {
      const file = join(projectPaths(root).whiteouts, whiteoutStem(Buffer.from(key)));
      writeFileSync(file, key);
      return file;
    },
    reopen: async (changed) => {
      await registries.at(-1)!.close();
      registries.push(newRegistry(changed));
      return registries.at(-1)!;
    },
    close: async () => {
      await registries.at(-1)!.close();
      lease.release();
      store.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
