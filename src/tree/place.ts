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
import { type Placer, openPlacer } from "./placer.js";

export interface PlaceSummary {
  readonly files: number;
  readonly bytes: bigint;
  /** Paths that had a file already: written, or placed by a run that was killed. */
  readonly present: number;
  /** Keys that could not be placed, with why. They stay virtual. */
  readonly failed: readonly { readonly path: string; readonly error: VriftError }[];
}

/** One intent, on disk before its first file, for each. */
const PAGE = 8000;

/**
 * Places every virtual entry that `wanted` accepts. Under the tree lock, after `recover` and `sync`.
 * @param count of virtual entries, about.
 */
export async function placeFiles(
  root: string,
  context: TreeContext,
  count: number,
  wanted: (key: string) => boolean,
): Promise<PlaceSummary> {
  const { staging } = projectPaths(root);
  makeDirectory(staging);
  const placer = openPlacer(context.store, root, staging, count);
  try {
    const placing = new Placing(root, context, placer);
    const next = (after: string): Promise<readonly AdoptEntry[]> => context.access.entries(root, after, PAGE);
    let page = await next("");
    while (page.length > 0) {
      const following = next(page.at(-1)!.path);
      following.catch(() => undefined); // heard of when its turn comes
      await placing.page(page.filter(({ path }) => wanted(path)));
      page = await following;
    }
    return placing.summary();
  } finally {
    await placer.close();
  }
}

class Placing {
  readonly #root: string;
  readonly #context: TreeContext;
  readonly #placer: Placer;
  readonly #whiteouts: string;
  #files = 0;
  #bytes = 0n;
  #present = 0;
  readonly #failed: { path: string; error: VriftError }[] = [];

  constructor(root: string, context: TreeContext, placer: Placer) {
    this.#root = root;
    this.#context = context;
    this.#placer = placer;
    this.#whiteouts = projectPaths(root).whiteouts;
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
      await this.#placeAll(entries);
      intent.touch();
    } catch (error) {
      intent.close(); // for recover
      throw error;
    }
    restoreDirectories(this.#root, directories);
    intent.remove();
  }

  async #placeAll(entries: readonly AdoptEntry[]): Promise<void> {
    const before = this.#whitedOut();
    const made: { readonly key: string; readonly ino: bigint }[] = [];
    const visible = entries.filter(({ path }) => !isWhitedOut(before, path));
    await this.#placer.place(visible, ({ placed, present, failed }, part) => {
      for (const [at, ino] of placed) {
        made.push({ key: part[at]!.path, ino });
        this.#bytes += BigInt(part[at]!.size);
      }
      this.#files += placed.length;
      this.#present += present;
      for (const { path, code, message } of failed)
        this.#failed.push({ path, error: new VriftError(code, message) });
      this.#context.progress.advance(
        part.length,
        part.reduce((sum, { size }) => sum + BigInt(size), 0n),
      );
    });
    // A program that removed a name meanwhile made its whiteout before its unlink: one of us two meets the other.
    const after = this.#whitedOut();
    if (after.size > 0)
      for (const { key, ino } of made) if (isWhitedOut(after, key)) this.#takeBack(key, ino);
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
