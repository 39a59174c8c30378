/**
 * One round of a restore: what is there is compared with what is to be, and made so (docs/snapshots.md, restore). Rounds may be repeated:
 * each starts from what is there.
 */
import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { isErrno } from "../platform/files.js";
import { native } from "../platform/native.js";
import { isOpenToOwner } from "../workspace/policy.js";
import type { AdoptEntry, WorkspaceInfo } from "../workspace/workspace.js";
import type { TreeContext } from "./context.js";
import { Placer } from "./place-name.js";
import { type PresentFile, type PresentTree, hasContent } from "./present-tree.js";
import type { RecordedFile, RecordedName } from "./recorded-tree.js";
import {
  type RecordedDirectory,
  openDirectories,
  recordDirectory,
  restoreDirectories,
} from "../workspace/recorded-directories.js";
import { statFile } from "../workspace/stat-file.js";
import { Removal } from "./restore-removal.js";
import type { RestoreGoal, RestoreState } from "./restore-state.js";

const PAGE = 2000;

export class RestoreRound {
  readonly #workspace: WorkspaceInfo;
  readonly #context: TreeContext;
  readonly #goal: RestoreGoal;
  readonly #present: PresentTree;
  readonly #state: RestoreState;
  readonly #placer: Placer;
  readonly #removal: Removal;
  #opened: readonly RecordedDirectory[] = [];
  #changes = 0;

  constructor(
    context: TreeContext,
    workspace: WorkspaceInfo,
    goal: RestoreGoal,
    present: PresentTree,
    state: RestoreState,
  ) {
    this.#workspace = workspace;
    this.#context = context;
    this.#goal = goal;
    this.#present = present;
    this.#state = state;
    this.#placer = new Placer(workspace.root, workspace.kind, context.store);
    this.#removal = new Removal(workspace.root, goal, present, state);
  }

  /** True: nothing differed. */
  async run(): Promise<boolean> {
    const goal = [...this.#goal.tree].sort(([a], [b]) => (a < b ? -1 : 1));
    this.#openWhereNeeded();
    this.#freePlaces(goal);
    this.#makeDirectories(goal);
    await this.#placeFiles(goal);
    this.#linkNames(goal);
    this.#removal.all();
    this.#finishDirectories(goal);
    return this.#changes + this.#removal.changes === 0;
  }

  get #root(): string {
    return this.#workspace.root;
  }

  /** Names are made and removed in directories that their owner cannot write; modes and times are set at the end. */
  #openWhereNeeded(): void {
    const closed: string[] = [];
    for (const [key, name] of this.#present.names)
      if (name.type === "dir" && !isOpenToOwner(name.mode)) closed.push(key);
    const directories = closed.flatMap((key) => recordDirectory(this.#root, key) ?? []);
    openDirectories(this.#root, directories);
    this.#opened = directories;
  }

  /** What is of another kind than what comes to its place goes first, a directory with all that is in it. */
  #freePlaces(goal: readonly (readonly [string, RecordedName])[]): void {
    for (const [key, wanted] of goal) {
      const now = this.#present.names.get(key);
      if (now === undefined || (now.type === "dir") === (wanted.type === "dir")) continue;
      if (this.#state.blocked.has(key)) continue;
      this.#changes += 1;
      if (!this.#removal.free(key, now)) this.#block(key, goal);
    }
  }

  #block(key: string, goal: readonly (readonly [string, RecordedName])[]): void {
    this.#state.blocked.add(key);
    for (const [below] of goal) if (below.startsWith(`${key}/`)) this.#state.blocked.add(below);
  }

  #makeDirectories(goal: readonly (readonly [string, RecordedName])[]): void {
    for (const [key, wanted] of goal) {
      if (wanted.type !== "dir" || this.#state.blocked.has(key)) continue;
      if (this.#present.names.get(key)?.type === "dir") continue;
      this.#changes += 1;
      try {
        mkdirSync(join(this.#root, key), 0o700);
      } catch (error) {
        // EEXIST: made meanwhile, or left to the kernel; ENOENT: its own directory went. The next round looks.
        if (!isErrno(error, "EEXIST", "ENOENT", "ENOTDIR")) throw error;
        if (this.#present.leftAlone.has(key)) this.#block(key, goal);
      }
    }
  }

  async #placeFiles(goal: readonly (readonly [string, RecordedName])[]): Promise<void> {
    const entries: AdoptEntry[] = [];
    for (const [key, wanted] of goal) {
      if (wanted.type === "dir" || this.#state.blocked.has(key)) continue;
      if (this.#present.leftAlone.has(key)) {
        this.#state.blocked.add(key);
        continue;
      }
      const now = this.#present.names.get(key);
      if (wanted.type === "symlink") {
        if (now?.type === "symlink" && now.target === wanted.target && now.mtimeNs === wanted.mtimeNs)
          continue;
        this.#change(() => this.#placer.link(key, wanted));
        this.#state.counts.placed += 1;
        continue;
      }
      const file = now?.type === "file" ? now : undefined;
      if (file === undefined || !(await this.#isContent(key, file, wanted)))
        await this.#newContent(key, file, wanted, entries);
      else if (file.mode !== wanted.mode || file.mtimeNs !== wanted.mtimeNs)
        this.#newFacts(key, file, wanted, entries);
      if (entries.length >= PAGE) await this.#record(entries.splice(0));
    }
    await this.#record(entries);
  }

  async #isContent(key: string, file: PresentFile, wanted: RecordedFile): Promise<boolean> {
    const { scan, linkedTo } = file;
    // It is to be a file of its own, or the first of another group: a new inode, with which the others of its group go.
    if (
      linkedTo !== undefined &&
      linkedTo !== key &&
      (wanted.linkedTo === undefined || wanted.linkedTo === key)
    )
      return false;
    if (scan !== undefined && this.#state.placed.get(key) === `${scan.ino}:${scan.ctimeNs}`) return true;
    return await hasContent(this.#root, key, file, wanted, this.#goal.stamps);
  }

  async #newContent(
    key: string,
    file: PresentFile | undefined,
    wanted: RecordedFile,
    entries: AdoptEntry[],
  ): Promise<void> {
    const isPhysical = file !== undefined && !file.virtual;
    if (wanted.virtual && !isPhysical && this.#workspace.kind === "phantom") {
      entries.push(adoptEntry(key, wanted));
      this.#changes += 1;
      return;
    }
    this.#state.counts.placed += 1;
    await this.#place(key, wanted);
  }

  /** A virtual file gets a new entry, a physical one is changed in place: its content stays. */
  #newFacts(key: string, file: PresentFile, wanted: RecordedFile, entries: AdoptEntry[]): void {
    this.#changes += 1;
    if (file.scan === undefined) entries.push(adoptEntry(key, wanted));
    else {
      this.#state.counts.adjusted += 1;
      this.#placer.facts(key, file.scan.ino, wanted);
    }
  }

  async #place(key: string, wanted: RecordedFile): Promise<void> {
    this.#changes += 1;
    try {
      await this.#placer.file(key, wanted);
    } catch (error) {
      // A directory in its place by now, or its own directory gone: the next round looks.
      if (!isErrno(error, "EISDIR", "ENOENT", "ENOTDIR")) throw error;
      return;
    }
    const stat = statFile(join(this.#root, key));
    if (stat) this.#state.placed.set(key, `${stat.ino}:${stat.ctimeNs}`);
    this.#context.progress.advance(1, wanted.size);
  }

  /** Durable when it resolves. What the owner of the manifest does not take becomes a plain file. */
  async #record(entries: readonly AdoptEntry[]): Promise<void> {
    if (entries.length === 0) return;
    const refused = new Set(
      (await this.#context.access.adopt(this.#root, entries, "virtual")).map(({ path }) => path),
    );
    this.#state.counts.recorded += entries.length - refused.size;
    for (const key of refused) {
      this.#state.counts.placed += 1;
      await this.#place(key, this.#goal.tree.get(key) as RecordedFile);
    }
  }

  #linkNames(goal: readonly (readonly [string, RecordedName])[]): void {
    for (const [key, wanted] of goal) {
      if (wanted.type !== "file" || wanted.linkedTo === undefined || wanted.linkedTo === key) continue;
      const first = statFile(join(this.#root, wanted.linkedTo));
      if (!first?.isFile() || statFile(join(this.#root, key))?.ino === first.ino) continue;
      this.#change(() => this.#placer.linkTo(wanted.linkedTo!, key));
      this.#state.counts.adjusted += 1;
      this.#state.placed.delete(key);
    }
  }

  /** Deepest first: what is done in a directory moves its time. */
  #finishDirectories(goal: readonly (readonly [string, RecordedName])[]): void {
    restoreDirectories(
      this.#root,
      this.#opened.filter(({ key }) => !this.#goal.tree.has(key)),
    );
    for (const [key, wanted] of [...goal].reverse()) {
      const now = wanted.type === "dir" ? recordDirectory(this.#root, key) : undefined;
      if (wanted.type !== "dir" || now === undefined) continue;
      if (now.mode === wanted.mode && now.mtimeNs === wanted.mtimeNs) continue;
      chmodSync(join(this.#root, key), wanted.mode);
      native.setTimes(join(this.#root, key), now.atimeNs, wanted.mtimeNs);
    }
  }

  #change(work: () => void): void {
    this.#changes += 1;
    try {
      work();
    } catch (error) {
      if (!isErrno(error, "EISDIR", "ENOENT", "ENOTDIR")) throw error;
    }
  }
}

function adoptEntry(key: string, { hash, size, mtimeNs, mode, blocks }: RecordedFile): AdoptEntry {
  return { path: key, hash, size: String(size), mtimeNs: String(mtimeNs), mode, blocks };
}
