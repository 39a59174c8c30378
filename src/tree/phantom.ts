/** `vrift phantom`: a tree's plain files go into the store and leave the tree. docs/tree.md has the order and why. */
import { VriftError } from "../platform/errors.js";
import { PROJECT_DIR, projectPaths } from "../platform/paths.js";
import { solidId } from "../platform/workspace-id.js";
import { type ScanEntry, scanTree } from "../platform/scan.js";
import type { ImportMethod } from "../store/store.js";
import type { PhysicalReason } from "../workspace/policy.js";
import { assertNotRestoring } from "../workspace/restoring.js";
import type { WorkspaceInfo } from "../workspace/workspace.js";
import { mapsIndex } from "../vdir/index-users.js";
import type { Refusal } from "./access.js";
import { chooseCandidates } from "./candidates.js";
import type { TreeContext } from "./context.js";
import { eachBatch } from "./each-batch.js";
import {
  recordDirectoriesOf,
  recordDirectory,
  restoreDirectories,
} from "../workspace/recorded-directories.js";
import { Intent, type MovingFile } from "../workspace/intent.js";
import { type Moved, moveAside, settle } from "../workspace/moved-file.js";
import { recover } from "../workspace/recover.js";
import { assertMayBePhantom, realDirectory } from "./refusal.js";
import { separateFromStore } from "./separate.js";
import { type Batch, totalSize } from "./take-batch.js";
import type { TakenFile } from "../workspace/take-file.js";
import { withTreeLock } from "../workspace/tree-lock.js";
import { whiteOut } from "../workspace/white-out.js";
import { isWhitedOutNow } from "../workspace/whiteouts.js";

export interface PhantomOptions {
  /** Also a git work tree, also more than ENTRIES_ASKED entries. */
  readonly yes: boolean;
}

export interface PhantomSummary {
  readonly workspace: WorkspaceInfo;
  /** Files that became virtual in this run, and the bytes of their content. */
  readonly files: number;
  readonly bytes: bigint;
  /** Disk space of files whose content the store had before: what this run freed. */
  readonly savedBytes: bigint;
  readonly methods: Readonly<Partial<Record<ImportMethod, number>>>;
  /** Names that stay in the tree, by reason; directories and links among them. */
  readonly physical: Readonly<Partial<Record<PhysicalReason, number>>>;
  /** What the owner of the manifest did not take. */
  readonly refused: readonly Refusal[];
  /** Changed files whose path was taken while they were moved, and which now lie beside it. */
  readonly kept: readonly string[];
}

/** Names that are out of the tree at one moment. */
const CHUNK_FILES = 64;
/** More than this is asked about first. */
const ENTRIES_ASKED = 2_000_000;

export async function phantom(
  path: string,
  context: TreeContext,
  options: PhantomOptions,
): Promise<PhantomSummary> {
  const root = realDirectory(path);
  assertMayBePhantom(root, context.home, options);
  assertNotRestoring(context.home, { id: solidId(root), root }); // it is about to get another id
  context.progress.begin("scan", 0, 0n);
  const scan = await scanTree(root, [PROJECT_DIR]);
  if (scan.length > ENTRIES_ASKED && !options.yes) {
    throw new VriftError(
      "VRIFT_ROOT_REFUSED",
      `${root} has ${scan.length} entries; repeat with --yes if you mean it`,
    );
  }
  const rootTimes = recordDirectory(root, "");
  context.progress.begin("register", 0, 0n);
  const workspace = await context.access.open(root, { phantom: true });
  if (rootTimes) restoreDirectories(root, [rootTimes]); // `.vrift` was made in it
  assertNotRestoring(context.home, workspace);
  return await withTreeLock(workspace, () => {
    assertUnused(workspace);
    return new Run(root, context).run();
  });
}

/** A program under vrift counts on a file that it has seen to stay one until it has done with it what it is at: rename its directory, say. */
function assertUnused({ root, index }: WorkspaceInfo): void {
  if (mapsIndex((path) => path === index))
    throw new VriftError("EBUSY", `programs work on ${root} under vrift; let them end first`);
}

class Run {
  readonly #root: string;
  readonly #context: TreeContext;
  #files = 0;
  #bytes = 0n;
  #savedBytes = 0n;
  readonly #methods: Partial<Record<ImportMethod, number>> = {};
  readonly #physical: Partial<Record<PhysicalReason, number>> = {};
  readonly #refused: Refusal[] = [];
  readonly #kept: string[] = [];
  /** There are virtual entries whose path has its file: the index is to be told soon. */
  #stale = false;

  constructor(root: string, context: TreeContext) {
    this.#root = root;
    this.#context = context;
  }

  async run(): Promise<PhantomSummary> {
    const { access, progress, store } = this.#context;
    progress.begin("recover", 0, 0n);
    this.#kept.push(...(await recover(store, this.#root)).kept);
    const candidates = chooseCandidates(this.#root, await this.#scan(), this.#stays);
    progress.begin("import", candidates.length, totalSize(candidates));
    const options = { root: this.#root, candidates, how: "link", stays: this.#stays } as const;
    await eachBatch(this.#context, options, (batch) => this.#settleBatch(batch));
    progress.begin("register", 0, 0n);
    await access.sync(this.#root);
    return {
      workspace: await access.open(this.#root),
      files: this.#files,
      bytes: this.#bytes,
      savedBytes: this.#savedBytes,
      methods: this.#methods,
      physical: this.#physical,
      refused: this.#refused,
      kept: this.#kept,
    };
  }

  readonly #stays = (reason: PhysicalReason): void => {
    this.#physical[reason] = (this.#physical[reason] ?? 0) + 1;
  };

  /** After `recover`: what it gave back is to be seen. */
  async #scan(): Promise<ScanEntry[]> {
    this.#context.progress.begin("scan", 0, 0n);
    const scan = await scanTree(this.#root, [PROJECT_DIR]);
    if ((await separateFromStore(scan, this.#context.store)) === 0) return scan;
    return await scanTree(this.#root, [PROJECT_DIR]);
  }

  async #settleBatch({ taken }: Batch): Promise<void> {
    const { access, store } = this.#context;
    if (taken.length === 0) return;
    await store.sync();
    const refused = await access.adopt(
      this.#root,
      taken.map(({ entry }) => entry),
      "virtual",
    );
    this.#refused.push(...refused);
    const refusedPaths = new Set(refused.map(({ path }) => path));
    for (const file of taken) if (refusedPaths.has(file.entry.path)) this.#leave(file);
    await this.#remove(taken.filter((file) => !refusedPaths.has(file.entry.path)));
  }

  async #remove(adopted: readonly TakenFile[]): Promise<void> {
    if (adopted.length === 0) return;
    const directories = recordDirectoriesOf(
      this.#root,
      adopted.map(({ entry }) => entry.path),
    );
    const files = adopted.map((file, n) => ({ file, moving: toMoving(file, n) }));
    const intent = Intent.write(this.#root, { directories, files: files.map(({ moving }) => moving) });
    try {
      for (let start = 0; start < files.length; start += CHUNK_FILES) {
        await this.#removeChunk(files.slice(start, start + CHUNK_FILES), intent);
      }
    } catch (error) {
      intent.close(); // for recover
      throw error;
    }
    restoreDirectories(this.#root, directories);
    intent.remove();
    if (this.#stale) await this.#context.access.sync(this.#root);
    this.#stale = false;
  }

  async #removeChunk(
    chunk: readonly { file: TakenFile; moving: MovingFile }[],
    intent: Intent,
  ): Promise<void> {
    const moved: { readonly file: TakenFile; readonly aside: Moved }[] = [];
    for (const { file, moving } of chunk) {
      const expected = { ino: file.ino, ctimeNs: file.ctimeNs, linked: file.method === "link" };
      // What a program has white out in a change that came to nothing would be gone without its file.
      const aside = isWhitedOutNow(phantomAt(this.#root), moving.key)
        ? "changed"
        : moveAside(this.#root, moving, expected);
      intent.touch();
      if (typeof aside !== "string") moved.push({ file, aside });
      else {
        // Removed since it was adopted, by somebody who does not know of entries: it must not come back.
        if (aside === "gone") whiteOut(this.#root, moving.key);
        else this.#stays(aside);
        this.#leave(file);
        this.#stale = true;
      }
    }
    for (const { file, aside } of moved) {
      const settled = await settle(this.#context.store, this.#root, aside);
      if (settled.outcome === "returned") intent.touch(); // a directory of the tree was changed
      this.#context.progress.advance(1, file.id.size);
      if (settled.outcome === "removed") this.#count(file);
      else {
        this.#stays(settled.reason);
        this.#stale = true;
        if (settled.kept !== null) this.#kept.push(settled.kept);
      }
    }
  }

  /** It stays in its place and is nobody's blob. */
  #leave(file: TakenFile): void {
    if (file.method === "link") this.#context.store.discardLinked(file.id, file.ino);
  }

  #count({ method, id, entry }: TakenFile): void {
    this.#files += 1;
    this.#bytes += id.size;
    this.#methods[method] = (this.#methods[method] ?? 0) + 1;
    if (method === "present") this.#savedBytes += BigInt(entry.blocks) * 512n;
  }
}

const phantomAt = (root: string): Parameters<typeof isWhitedOutNow>[0] => ({
  kind: "phantom",
  project: projectPaths(root),
});

function toMoving({ entry }: TakenFile, n: number): MovingFile {
  const { path, hash, size, mtimeNs, mode } = entry;
  return { n, key: path, hash, size, mtimeNs, mode };
}
