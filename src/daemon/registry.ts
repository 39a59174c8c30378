/**
 * The open workspaces of one home. Opening, converting and closing happen one after the other, so that two requests for
 * one directory, its old place or its copy cannot cross.
 */
import { lstatSync, realpathSync, rmSync } from "node:fs";
import { isAbsolute } from "node:path";
import { VriftError } from "../platform/errors.js";
import type { Log } from "../platform/log.js";
import type { Home } from "../platform/paths.js";
import { workspacePaths } from "../platform/paths.js";
import type { ContentStore } from "../store/store.js";
import { hasManifest } from "../manifest/lmdb-manifest.js";
import { foundPhantom } from "../workspace/found-phantom.js";
import {
  identify,
  readWorkspaceFile,
  removeProjectDirectory,
  writeWorkspaceFile,
} from "../workspace/identity.js";
import { knownWorkspaces, recordedRoot, rememberWorkspace } from "../workspace/known.js";
import { checkRoot, openWorkspace } from "../workspace/open-workspace.js";
import type { ProjectWorkspace } from "../workspace/project-workspace.js";
import { TurnQueue } from "../workspace/turn-queue.js";
import type { ResyncReport, WorkspaceInfo } from "../workspace/workspace.js";

interface OpenEntry {
  readonly workspace: ProjectWorkspace;
  readonly dev: bigint;
  readonly ino: bigint;
}

export interface RegistryOptions {
  /** Whether a phantom tree is watched; a project's configuration may say so. Default: no. */
  readonly watches?: (root: string) => Promise<boolean>;
  readonly opened?: (workspace: ProjectWorkspace) => void;
  /** Before it is closed; nothing asks it for anything any more. */
  readonly closing?: (workspace: ProjectWorkspace) => Promise<void>;
}

export class Registry {
  readonly #home: Home;
  readonly #store: ContentStore;
  readonly #log: Log;
  readonly #options: RegistryOptions;
  readonly #open = new Map<string, OpenEntry>();
  readonly #turns = new TurnQueue();
  #closing = false;

  constructor(home: Home, store: ContentStore, log: Log, options: RegistryOptions = {}) {
    this.#home = home;
    this.#store = store;
    this.#log = log;
    this.#options = options;
  }

  /** @param path absolute; links in it are followed. @param phantom makes a solid workspace phantom. */
  async open(path: string, phantom = false): Promise<ProjectWorkspace> {
    const root = this.#realRoot(path);
    const current = this.#current(root);
    if (current !== undefined && (!phantom || current.info.kind === "phantom")) return current;
    return this.#turns.run(async () => {
      const workspace = await this.#openNow(root);
      if (!phantom || workspace.info.kind === "phantom") return workspace;
      return this.#becomePhantom(workspace);
    });
  }

  async clone(src: string, dst: string): Promise<ProjectWorkspace> {
    const from = this.#realRoot(src);
    const to = this.#realRoot(dst);
    return this.#turns.run(async () => {
      const source = await this.#openNow(from);
      if (source.info.kind !== "phantom")
        throw new VriftError("VRIFT_NOT_PHANTOM", `${from} is not a phantom workspace`);
      if (readWorkspaceFile(to) !== undefined)
        throw new VriftError("EEXIST", `${to} is a phantom workspace already`);
      await source.resync();
      await this.#closeRoot(to);
      await this.#found(to, source);
      return this.#openNow(to);
    });
  }

  /** The workspace ends; the directory stays as an ordinary one. */
  async solidify(path: string): Promise<ResyncReport> {
    const root = this.#realRoot(path);
    return this.#turns.run(async () => {
      const workspace = await this.#openNow(root);
      const { id, kind } = workspace.info;
      if (kind !== "phantom") throw new VriftError("VRIFT_NOT_PHANTOM", `${root} is not a phantom workspace`);
      const report = await workspace.readyToSolidify();
      this.#open.delete(root);
      await this.#close(workspace);
      removeProjectDirectory(root);
      await this.#forget(id);
      this.#log.info("solidified workspace", { root, id });
      return report;
    });
  }

  /** Open ones with their counts as they are, others as they were when they were last open. */
  list(): WorkspaceInfo[] {
    const open = [...this.#open.values()].map(({ workspace }) => workspace.info);
    const ids = new Set(open.map(({ id }) => id));
    const closed = knownWorkspaces(this.#home).filter(({ id }) => !ids.has(id));
    return [...open, ...closed].sort((a, b) => (a.root < b.root ? -1 : 1));
  }

  openWorkspaces(): ProjectWorkspace[] {
    return [...this.#open.values()].map(({ workspace }) => workspace);
  }

  /** Everything acknowledged is durable when it resolves; one that fails does not keep the others open. */
  async close(): Promise<void> {
    this.#closing = true;
    await this.#turns.run(async () => {
      for (const root of this.#open.keys()) {
        await this.#closeRoot(root).catch((error: unknown) =>
          this.#log.error("closing failed", error, { root }),
        );
      }
    });
  }

  #realRoot(path: string): string {
    if (!isAbsolute(path)) throw new VriftError("EINVAL", `${path} is not an absolute path`);
    if (path.includes("\0")) throw new VriftError("EINVAL", "the path holds a NUL byte");
    const root = realpathSync.native(path);
    checkRoot(root, this.#home);
    return root;
  }

  /** Open, and still the directory it was opened for. */
  #current(root: string): ProjectWorkspace | undefined {
    const entry = this.#open.get(root);
    if (entry === undefined) return undefined;
    const { dev, ino } = lstatSync(root, { bigint: true });
    return entry.dev === dev && entry.ino === ino ? entry.workspace : undefined;
  }

  async #openNow(root: string): Promise<ProjectWorkspace> {
    if (this.#closing) throw new VriftError("ECONNRESET", "the daemon is stopping");
    const current = this.#current(root);
    if (current !== undefined) return current;
    await this.#closeRoot(root);
    const identity = identify(root, (id) => this.#recordedRoot(id));
    if (identity.kind === "copy") {
      const original = await this.#openNow(identity.original);
      this.#log.info("a copied workspace gets an id of its own", { root, original: identity.original });
      await this.#found(root, original);
      return this.#openNow(root);
    }
    if (identity.kind === "phantom" && !hasManifest(workspacePaths(this.#home, identity.id).db)) {
      // An empty manifest would say that there are no files: whiteouts would go, and `solid` would end the workspace.
      throw new VriftError(
        "VRIFT_OTHER_HOME",
        `${root} is the phantom workspace ${identity.id}, and ${this.#home.root} has no manifest of it`,
      );
    }
    if (identity.kind === "phantom" && identity.moved) {
      await this.#closeId(identity.id);
      writeWorkspaceFile(root, identity.id);
    }
    const { dev, ino } = lstatSync(root, { bigint: true });
    const watch = identity.kind === "phantom" && (await this.#options.watches?.(root)) === true;
    const options = { home: this.#home, store: this.#store, root, log: this.#log, watch };
    const workspace = await openWorkspace({ ...options, id: identity.id, kind: identity.kind });
    rememberWorkspace(this.#home, workspace.info);
    this.#open.set(root, { workspace, dev, ino });
    this.#options.opened?.(workspace);
    return workspace;
  }

  async #becomePhantom(solid: ProjectWorkspace): Promise<ProjectWorkspace> {
    const { root, id } = solid.info;
    await this.#found(root, solid);
    await this.#closeRoot(root);
    await this.#forget(id);
    return this.#openNow(root);
  }

  async #found(root: string, seed: ProjectWorkspace): Promise<void> {
    const id = await foundPhantom({ home: this.#home, store: this.#store, root, seed: () => seed.records() });
    this.#log.info("made a phantom workspace", { root, id });
  }

  #recordedRoot(id: string): string | undefined {
    for (const { workspace } of this.#open.values()) if (workspace.info.id === id) return workspace.info.root;
    return recordedRoot(this.#home, id);
  }

  async #closeRoot(root: string): Promise<void> {
    const entry = this.#open.get(root);
    if (entry === undefined) return;
    this.#open.delete(root);
    const { info } = entry.workspace;
    await this.#close(entry.workspace);
    rememberWorkspace(this.#home, info);
  }

  async #close(workspace: ProjectWorkspace): Promise<void> {
    await this.#options.closing?.(workspace);
    await workspace.close();
  }

  async #closeId(id: string): Promise<void> {
    for (const [root, { workspace }] of this.#open) if (workspace.info.id === id) await this.#closeRoot(root);
  }

  /** Manifest, index and roots of an id that no directory has any more. */
  async #forget(id: string): Promise<void> {
    const roots = await this.#store.roots(id);
    await roots.remove();
    const { db, run } = workspacePaths(this.#home, id);
    for (const directory of [db, run]) rmSync(directory, { recursive: true, force: true });
  }
}
