/**
 * Which directory is which workspace of a home, and the ones that are open: here (local-project.ts) or in a process of
 * their own (src/daemon/project-process.ts). Opening, converting and closing of one directory happen one after the other; projects do
 * not wait for each other.
 */
import { realpathSync, rmSync } from "node:fs";
import { isAbsolute } from "node:path";
import { hasManifest } from "../manifest/data-file.js";
import { VriftError } from "../platform/errors.js";
import type { Log } from "../platform/log.js";
import type { Home } from "../platform/paths.js";
import { workspacePaths } from "../platform/paths.js";
import { solidId } from "../platform/workspace-id.js";
import type { ContentStore } from "../store/store.js";
import { checkRoot } from "./check-root.js";
import { directoryIdentity, isDirectory } from "./directory-identity.js";
import type { DirectoryIdentity } from "./directory-identity.js";
import { identify, readWorkspaceFile, removeProjectDirectory, writeWorkspaceFile } from "./identity.js";
import { knownWorkspaces, recordRoot, recordedRoot, rememberWorkspace } from "./known.js";
import { KeyedTurns } from "./keyed-turns.js";
import { handSnapshotsOver } from "./snapshots.js";
import type { ResyncReport, WorkspaceInfo, WorkspaceKind } from "./workspace.js";

/** A workspace that is open, wherever its owner runs. */
export interface OpenProject {
  readonly info: WorkspaceInfo;
  /** False once it is closed, or its process has ended. */
  readonly isOpen: boolean;
  resync(): Promise<ResyncReport>;
  /** Makes the directory `to` a phantom workspace that starts with the entries of this one. Resolves with its id. */
  found(to: string): Promise<string>;
  /** EBUSY while a virtual entry has no file. */
  readyToSolidify(): Promise<ResyncReport>;
  /** Everything acknowledged is durable and nobody owns the project any more when it resolves. */
  close(): Promise<void>;
}

export interface ProjectPlace {
  /** Real path. */
  readonly root: string;
  readonly id: string;
  readonly kind: WorkspaceKind;
}

export type ProjectOpener<P extends OpenProject> = (place: ProjectPlace) => Promise<P>;

interface OpenEntry<P> {
  readonly project: P;
  readonly directory: DirectoryIdentity;
}

export class Registry<P extends OpenProject> {
  readonly #home: Home;
  readonly #store: ContentStore;
  readonly #log: Log;
  readonly #openProject: ProjectOpener<P>;
  readonly #open = new Map<string, OpenEntry<P>>();
  readonly #turns = new KeyedTurns();
  /** What a workspace is founded on that takes over nothing. */
  readonly #nothing = {
    found: async (root: string): Promise<string> => {
      // Not before: a coordinator has no manifests, and loading what opens them is half of its start.
      const { foundPhantom } = await import("./found-phantom.js");
      return foundPhantom({ home: this.#home, store: this.#store, root, seed: () => [] });
    },
  };
  #closing = false;

  constructor(home: Home, store: ContentStore, log: Log, openProject: ProjectOpener<P>) {
    this.#home = home;
    this.#store = store;
    this.#log = log;
    this.#openProject = openProject;
  }

  /** @param path absolute; links in it are followed. @param phantom makes a solid workspace phantom. */
  async open(path: string, phantom = false): Promise<P> {
    const root = this.#realRoot(path);
    const current = this.#current(root);
    if (current !== undefined && (!phantom || current.info.kind === "phantom")) return current;
    return this.#inTurn(root, async () => {
      if (phantom && this.#isUnknown(root)) await this.#found(root, this.#nothing);
      const project = await this.#openNow(root);
      if (!phantom || project.info.kind === "phantom") return project;
      return this.#becomePhantom(project);
    });
  }

  /** Where the index of an ordinary directory is, or is going to be; undefined for a phantom workspace. */
  solidPlace(path: string): { readonly index: string } | undefined {
    const root = this.#realRoot(path);
    if (readWorkspaceFile(root) !== undefined) return undefined;
    return { index: workspacePaths(this.#home, solidId(root)).index };
  }

  async clone(src: string, dst: string): Promise<P> {
    const to = this.#realRoot(dst);
    const source = await this.open(src);
    if (source.info.kind !== "phantom")
      throw new VriftError("VRIFT_NOT_PHANTOM", `${source.info.root} is not a phantom workspace`);
    return this.#inTurn(to, async () => {
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
    return this.#inTurn(root, async () => {
      const project = await this.#openNow(root);
      const { id, kind } = project.info;
      if (kind !== "phantom") throw new VriftError("VRIFT_NOT_PHANTOM", `${root} is not a phantom workspace`);
      const report = await project.readyToSolidify();
      this.#open.delete(root);
      await project.close();
      await handSnapshotsOver(this.#home, this.#store, { id, root });
      removeProjectDirectory(root);
      await this.#forget(id);
      this.#log.info("solidified workspace", { root, id });
      return report;
    });
  }

  /** Open ones with their counts as they are, others as they were when they were last open. */
  list(): WorkspaceInfo[] {
    const open = this.openProjects().map(({ info }) => info);
    const ids = new Set(open.map(({ id }) => id));
    const closed = knownWorkspaces(this.#home).filter(({ id }) => !ids.has(id));
    return [...open, ...closed].sort((a, b) => (a.root < b.root ? -1 : 1));
  }

  openProjects(): P[] {
    return [...this.#open.values()].map(({ project }) => project).filter(({ isOpen }) => isOpen);
  }

  /** Resolves when what was begun so far (opening, converting, closing) is done. */
  async idle(): Promise<void> {
    await this.#turns.idle();
  }

  /** Nothing is opened any more. Everything acknowledged is durable when it resolves; one that fails does not keep the others open. */
  async close(): Promise<void> {
    this.#closing = true;
    await this.idle();
    await Promise.all(
      [...this.#open.keys()].map((root) =>
        this.#closeRoot(root).catch((error: unknown) => this.#log.error("closing failed", error, { root })),
      ),
    );
  }

  #inTurn<T>(root: string, work: () => Promise<T>): Promise<T> {
    return this.#turns.run(root, work);
  }

  #realRoot(path: string): string {
    if (!isAbsolute(path)) throw new VriftError("EINVAL", `${path} is not an absolute path`);
    if (path.includes("\0")) throw new VriftError("EINVAL", "the path holds a NUL byte");
    const root = realpathSync.native(path);
    checkRoot(root, this.#home);
    return root;
  }

  /** Open, and still the directory it was opened for. */
  #current(root: string): P | undefined {
    const entry = this.#open.get(root);
    if (entry === undefined || !entry.project.isOpen) return undefined;
    return isDirectory(root, entry.directory) ? entry.project : undefined;
  }

  async #openNow(root: string): Promise<P> {
    if (this.#closing) throw new VriftError("ECONNRESET", "the daemon is stopping");
    const current = this.#current(root);
    if (current !== undefined) return current;
    await this.#closeRoot(root);
    const identity = identify(root, (id) => this.#recordedRoot(id));
    if (identity.kind === "copy") {
      const original = await this.open(identity.original);
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
      recordRoot(this.#home, { root, id: identity.id, kind: identity.kind });
    }
    const directory = directoryIdentity(root);
    const project = await this.#openProject({ root, id: identity.id, kind: identity.kind });
    try {
      rememberWorkspace(this.#home, project.info);
    } catch (error) {
      // A full disk. Nobody would know of the project that it is open.
      await project.close();
      throw error;
    }
    this.#forgetEnded();
    this.#open.set(root, { project, directory });
    return project;
  }

  /** An ordinary directory of which nothing is known yet: there is nothing to take over from the solid workspace. */
  #isUnknown(root: string): boolean {
    if (this.#open.has(root)) return false;
    const identity = identify(root, (id) => this.#recordedRoot(id));
    return identity.kind === "solid" && !hasManifest(workspacePaths(this.#home, identity.id).db);
  }

  async #becomePhantom(solid: P): Promise<P> {
    const { root, id } = solid.info;
    await this.#found(root, solid);
    await this.#closeRoot(root);
    await this.#forget(id);
    return this.#openNow(root);
  }

  async #found(root: string, seed: Pick<P, "found">): Promise<void> {
    const id = await seed.found(root);
    this.#log.info("made a phantom workspace", { root, id });
  }

  #recordedRoot(id: string): string | undefined {
    for (const { project } of this.#open.values()) if (project.info.id === id) return project.info.root;
    return recordedRoot(this.#home, id);
  }

  async #closeRoot(root: string): Promise<void> {
    const entry = this.#open.get(root);
    if (entry === undefined) return;
    this.#open.delete(root);
    await entry.project.close();
    const { info } = entry.project;
    // One that was forgotten meanwhile (forget.ts) stays so.
    if (hasManifest(workspacePaths(this.#home, info.id).db)) rememberWorkspace(this.#home, info);
  }

  /** What has ended by itself has written down what it knew. */
  #forgetEnded(): void {
    for (const [root, { project }] of this.#open) if (!project.isOpen) this.#open.delete(root);
  }

  async #closeId(id: string): Promise<void> {
    for (const [root, { project }] of this.#open) if (project.info.id === id) await this.#closeRoot(root);
  }

  /** Manifest, index and roots of an id that no directory has any more. */
  async #forget(id: string): Promise<void> {
    const roots = await this.#store.roots(id);
    await roots.remove();
    const { db, run } = workspacePaths(this.#home, id);
    for (const directory of [db, run]) rmSync(directory, { recursive: true, force: true });
  }
}
