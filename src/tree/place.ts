/** Virtual files come back as plain ones, page by page, each whole or not at all. For solid and hydrate. */
import { lstatSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { VriftError } from "../platform/errors.js";
import { isErrno, makeDirectory } from "../platform/files.js";
import { projectPaths } from "../platform/paths.js";
import type { AdoptEntry } from "../workspace/workspace.js";
import { isWhitedOut, readWhiteouts } from "../workspace/whiteouts.js";
import type { TreeContext } from "./context.js";
import {
  openDirectories,
  recordDirectoriesOf,
  restoreDirectories,
} from "../workspace/recorded-directories.js";
import { Intent } from "../workspace/intent.js";
import { blobIdOf } from "../workspace/moved-file.js";
import { statFile } from "../workspace/stat-file.js";

export interface PlaceSummary {
  readonly files: number;
  readonly bytes: bigint;
  /** Paths that had a file already: written, or placed by a run that was killed. */
  readonly present: number;
  /** Keys that could not be placed, with why. They stay virtual. */
  readonly failed: readonly { readonly path: string; readonly error: VriftError }[];
}

const PAGE = 2000;

/** Places every virtual entry that `wanted` accepts. Under the tree lock, after `recover` and `sync`. */
export async function placeFiles(
  root: string,
  context: TreeContext,
  wanted: (key: string) => boolean,
): Promise<PlaceSummary> {
  const placing = new Placing(root, context);
  for (let after = ""; ;) {
    const page = await context.access.entries(root, after, PAGE);
    if (page.length === 0) return placing.summary();
    await placing.page(page.filter(({ path }) => wanted(path)));
    after = page.at(-1)!.path;
  }
}

class Placing {
  readonly #root: string;
  readonly #context: TreeContext;
  readonly #staging: string;
  readonly #whiteouts: string;
  #files = 0;
  #bytes = 0n;
  #present = 0;
  readonly #failed: { path: string; error: VriftError }[] = [];

  constructor(root: string, context: TreeContext) {
    this.#root = root;
    this.#context = context;
    const { staging, whiteouts } = projectPaths(root);
    this.#staging = staging;
    this.#whiteouts = whiteouts;
    makeDirectory(staging);
  }

  summary(): PlaceSummary {
    return { files: this.#files, bytes: this.#bytes, present: this.#present, failed: this.#failed };
  }

  async page(entries: readonly AdoptEntry[]): Promise<void> {
    if (entries.length === 0) return;
    const directories = recordDirectoriesOf(
      this.#root,
      entries.map(({ path }) => path),
    );
    const intent = Intent.write(this.#root, { directories, files: [] });
    try {
      openDirectories(this.#root, directories);
      await this.#exportAll(entries, intent);
    } catch (error) {
      intent.close(); // for recover
      throw error;
    }
    restoreDirectories(this.#root, directories);
    intent.remove();
  }

  async #exportAll(entries: readonly AdoptEntry[], intent: Intent): Promise<void> {
    const before = this.#whitedOut();
    const placed: { readonly key: string; readonly ino: bigint }[] = [];
    for (const entry of entries) {
      if (!isWhitedOut(before, entry.path) && (await this.#export(entry))) {
        intent.touch();
        const stat = statFile(join(this.#root, entry.path));
        if (stat) placed.push({ key: entry.path, ino: stat.ino });
      }
      this.#context.progress.advance(1, BigInt(entry.size));
    }
    // A program that removed a name meanwhile made its whiteout before its unlink: one of us two meets the other.
    const after = this.#whitedOut();
    for (const { key, ino } of placed) if (isWhitedOut(after, key)) this.#takeBack(key, ino);
    intent.touch();
  }

  /** True when this call made the file. */
  async #export(entry: AdoptEntry): Promise<boolean> {
    const path = join(this.#root, entry.path);
    try {
      if (statFile(path)) {
        this.#present += 1;
        return false;
      }
      const { store } = this.#context;
      await store.exportTo(blobIdOf(entry), path, this.#staging, entry.mode, BigInt(entry.mtimeNs));
    } catch (error) {
      if (isErrno(error, "EEXIST")) {
        this.#present += 1;
        return false;
      }
      this.#fail(entry.path, error);
      return false;
    }
    this.#files += 1;
    this.#bytes += BigInt(entry.size);
    return true;
  }

  /** One file that cannot be placed does not keep the others away; a full disk would. */
  #fail(path: string, error: unknown): void {
    if (isErrno(error, "ENOENT", "ENOTDIR", "EACCES", "EPERM", "EISDIR", "ENAMETOOLONG")) {
      const why = (error as NodeJS.ErrnoException).code;
      this.#failed.push({
        path,
        error: new VriftError("EBUSY", `${path} cannot be put in its place: ${why}`),
      });
    } else if (error instanceof VriftError && error.code === "EIO") {
      this.#failed.push({ path, error });
    } else {
      throw error;
    }
  }

  #whitedOut(): ReadonlySet<string> {
    return new Set(readWhiteouts(this.#whiteouts).map(({ key }) => key));
  }

  #takeBack(key: string, ino: bigint): void {
    const path = join(this.#root, key);
    try {
      if (lstatSync(path, { bigint: true }).ino === ino) unlinkSync(path);
    } catch (error) {
      if (!isErrno(error, "ENOENT", "ENOTDIR")) throw error;
    }
  }
}
