/** The physical half of a clone: directories first, then every physical name, directory modes and times last. */
import { chmodSync, copyFileSync, lstatSync, mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { isErrno } from "../platform/files.js";
import { native } from "../platform/native.js";
import { projectPaths } from "../platform/paths.js";
import type { ScanEntry } from "../platform/scan.js";
import { type Copied, copyName, copyOwner, linkName } from "./copy-file.js";
import type { Progress } from "./progress.js";
import { stagingName } from "../workspace/staging-name.js";
import { permissions, statFile } from "../workspace/stat-file.js";

/** For the user alone until `finishDirectories`. */
const WORKING_MODE = 0o700;

export class TreeCopy {
  readonly #from: string;
  readonly #to: string;
  readonly #scan: readonly ScanEntry[];
  readonly #staging: string;
  readonly counts: Record<Copied, number> = { copied: 0, same: 0, gone: 0, skipped: 0 };
  bytes = 0n;

  /** @param scan of `from`, without its `.vrift`, parents before children. */
  constructor(from: string, to: string, scan: readonly ScanEntry[]) {
    this.#from = from;
    this.#to = to;
    this.#scan = scan;
    this.#staging = projectPaths(to).staging;
  }

  makeDirectories(): void {
    for (const entry of this.#scan) {
      if (entry.type !== "dir") continue;
      const path = below(this.#to, entry);
      try {
        mkdirSync(path, WORKING_MODE);
      } catch (error) {
        if (!isErrno(error, "EEXIST") || !lstatSync(path).isDirectory()) throw error;
        chmodSync(path, WORKING_MODE); // an interrupted clone had finished it
      }
    }
  }

  /** Everything but directories and what `virtual` will be in the destination. */
  copy(virtual: ReadonlySet<string>, progress: Progress): void {
    const names = this.#scan.filter(
      (entry) => entry.type !== "dir" && !(entry.validUtf8 && virtual.has(entry.key)),
    );
    progress.begin(
      "copy",
      names.length,
      names.reduce((sum, { size }) => sum + size, 0n),
    );
    const firstOfInode = new Map<string, Buffer>();
    for (const entry of names) {
      const paths = { from: below(this.#from, entry), to: below(this.#to, entry), staging: this.#staging };
      const inode = entry.nlink > 1 ? `${entry.dev}:${entry.ino}` : undefined;
      const first = inode === undefined ? undefined : firstOfInode.get(inode);
      const copied = first ? linkName(first, paths.to, this.#staging) : copyName(entry, paths);
      if (inode !== undefined && !first && (copied === "copied" || copied === "same")) {
        firstOfInode.set(inode, paths.to);
      }
      this.counts[copied] += 1;
      if (copied === "copied") this.bytes += entry.size;
      progress.advance(1, entry.size);
    }
  }

  /** The project's own settings are the one thing in `.vrift/` that is the project's and not the workspace's. */
  copyConfiguration(): void {
    const [from, to] = [this.#from, this.#to].map((root) => join(projectPaths(root).dir, "config.toml"));
    if (!statFile(from!)?.isFile()) return;
    const temporary = stagingName(this.#staging);
    copyFileSync(from!, temporary);
    renameSync(temporary, to!);
  }

  /** Deepest first, and the root itself at the very end: whatever is made later moves its times. */
  finishDirectories(): void {
    for (let i = this.#scan.length - 1; i >= 0; i--) {
      const entry = this.#scan[i]!;
      if (entry.type === "dir")
        finishDirectory(below(this.#from, entry), below(this.#to, entry), entry.mtimeNs);
    }
  }
}

/** @param mtimeNs as it was when the tree was scanned. */
export function finishDirectory(from: string | Buffer, to: string | Buffer, mtimeNs: bigint): void {
  const stat = statFile(from);
  if (!stat) return;
  copyOwner(stat, to);
  chmodSync(to, permissions(stat));
  native.setTimes(to, stat.atimeNs, mtimeNs);
}

function below(root: string, entry: ScanEntry): Buffer {
  return Buffer.concat([Buffer.from(root), Buffer.from("/"), entry.rawKey]);
}
