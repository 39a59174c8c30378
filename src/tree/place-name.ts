/** Puts one recorded name at its path: the old file or the new one is there, at every moment, with its owner, mode and times. */
import { chmodSync, closeSync, constants, fstatSync, linkSync, lchownSync, openSync } from "node:fs";
import { renameSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { isErrno, makeDirectory, unlinkIfPresent } from "../platform/files.js";
import { native } from "../platform/native.js";
import { projectPaths } from "../platform/paths.js";
import type { ContentStore } from "../store/store.js";
import type { WorkspaceKind } from "../workspace/workspace.js";
import type { RecordedFile, RecordedLink } from "./recorded-tree.js";
import { stagingName } from "../workspace/staging-name.js";
import { statFile } from "../workspace/stat-file.js";
import { blobOf } from "./store-snapshot.js";

/** open(2) O_PATH on Linux; Node has no constant for it. */
const O_PATH = 0o10000000;

export class Placer {
  readonly #root: string;
  readonly #kind: WorkspaceKind;
  readonly #store: ContentStore;
  readonly #owner: { readonly uid: number; readonly gid: number };
  #counter = 0;

  constructor(root: string, kind: WorkspaceKind, store: ContentStore) {
    this.#root = root;
    this.#kind = kind;
    this.#store = store;
    const { uid, gid } = statFile(root)!;
    this.#owner = { uid: Number(uid), gid: Number(gid) };
    if (kind === "phantom") makeDirectory(projectPaths(root).staging);
  }

  /** A file that is replaced leaves its group to the new one. EIO: its content is not in the store. */
  async file(key: string, file: RecordedFile): Promise<void> {
    const path = join(this.#root, key);
    const temporary = this.#temporary(path);
    try {
      const { mode, mtimeNs } = file;
      await this.#store.exportTo(blobOf(file), temporary, dirname(temporary), mode, mtimeNs);
      const before = statFile(path);
      if (this.#own(temporary, before?.isFile() ? Number(before.gid) : this.#owner.gid))
        chmodSync(temporary, mode);
      renameSync(temporary, path);
    } finally {
      unlinkIfPresent(temporary);
    }
  }

  link(key: string, { target, mtimeNs }: RecordedLink): void {
    const path = join(this.#root, key);
    const temporary = this.#temporary(path);
    try {
      symlinkSync(Buffer.from(target, "latin1"), temporary);
      this.#own(temporary, this.#owner.gid);
      native.setTimes(temporary, mtimeNs, mtimeNs);
      renameSync(temporary, path);
    } finally {
      unlinkIfPresent(temporary);
    }
  }

  /** `key` becomes another name of the file at `first`. */
  linkTo(first: string, key: string): void {
    const path = join(this.#root, key);
    const temporary = this.#temporary(path);
    try {
      linkSync(join(this.#root, first), temporary);
      renameSync(temporary, path);
    } finally {
      unlinkIfPresent(temporary);
    }
  }

  /** Mode and mtime of a file that has its content. Nothing when another file is there by now. */
  facts(key: string, ino: bigint, { mode, mtimeNs }: RecordedFile): void {
    const path = join(this.#root, key);
    let fd: number;
    try {
      fd = openSync(path, O_PATH | constants.O_NOFOLLOW);
    } catch (error) {
      if (isErrno(error, "ENOENT", "ENOTDIR")) return;
      throw error;
    }
    try {
      const stat = fstatSync(fd, { bigint: true });
      if (!stat.isFile() || stat.ino !== ino) return;
      if (Number(stat.mode & 0o7777n) !== mode) chmodSync(`/proc/self/fd/${fd}`, mode);
      if (stat.mtimeNs !== mtimeNs) native.setTimes(path, stat.atimeNs, mtimeNs);
    } finally {
      closeSync(fd);
    }
  }

  /** On the file system of the path; what a kill leaves is removed by whoever opens the workspace (workspace/staging.ts). */
  #temporary(path: string): string {
    if (this.#kind === "phantom") return stagingName(projectPaths(this.#root).staging);
    this.#counter += 1;
    return join(dirname(path), `.vrift-${process.pid}.${this.#counter}`);
  }

  /** Only root can give files away. True when it was done, which takes set-user-ID bits off. */
  #own(path: string, gid: number): boolean {
    if (process.getuid?.() !== 0) return false;
    lchownSync(path, this.#owner.uid, gid);
    return true;
  }
}
