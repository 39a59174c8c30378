/**
 * Who tells of changes that programs outside make. Without it (watch limits, network file systems) the index says "distrust" and
 * programs ask the kernel first; nothing else depends on it.
 *
 * A directory is watched before it is listed: `resync` lists, has `cover` watch what is new, and lists again. A watch dies with
 * its directory, and a new directory of the same name may get the same inode number, so the inode number alone does not
 * tell that a directory is still watched. But whatever removes or makes a directory moves its mark. `renew` therefore watches
 * every directory again whose mark moved since the last time, before the tree is listed.
 */
import { closeSync, constants as fs, openSync } from "node:fs";
import { join } from "node:path";
import { isErrno, makeDirectory } from "../platform/files.js";
import { native } from "../platform/native.js";
import type { IndexHandle, WatchHandle } from "../platform/native.js";
import { markWord } from "../vdir/marks.js";

export interface TreeWatch {
  /** Why nothing may be trusted, in words for `vrift status`; undefined while every directory is watched. */
  readonly failure: string | undefined;
  /** Directories that are watched. */
  readonly count: number;
  /** Everything that has happened is in the marks when it resolves. */
  drain(): Promise<void>;
  /** Before a listing. @param marks as they are now. */
  renew(marks: ArrayBuffer): void;
  /**
   * After a listing: watches exactly these directories (key and inode; the root is ""). Returns those that were not watched
   * before: what happened in them since they were listed was not seen.
   */
  cover(directories: ReadonlyMap<string, bigint>): string[];
  /** A directory that was just made or found. False: it is not watched. */
  add(key: string, ino: bigint): boolean;
  /** Watched directories in which a name came or went between two copies of the marks, or which came or went themselves. */
  moved(since: ArrayBuffer, now: ArrayBuffer): string[];
  /** A larger file took the index's name; called before the one before is closed. */
  indexReplaced(handle: IndexHandle): void;
  stop(): void;
}

/** Never trusted. */
export function noWatch(failure: string): TreeWatch {
  return {
    failure,
    count: 0,
    drain: () => Promise.resolve(),
    renew: () => undefined,
    cover: () => [],
    add: () => false,
    moved: () => [],
    indexReplaced: () => undefined,
    stop: () => undefined,
  };
}

export interface WatchTreeOptions {
  /** Real path. */
  readonly root: string;
  /** Of the workspace. */
  readonly run: string;
  readonly marks: string;
  readonly index: IndexHandle;
  /** What is mounted counts, too (solid trees: what is mounted over a directory is not what the index says). */
  readonly mounts: boolean;
  /** Called on the event loop after something changed, coalesced. */
  readonly onChange: () => void;
}

/** Falls back to `noWatch` when the machine has no room for another watcher. */
export function watchTree(options: WatchTreeOptions): TreeWatch {
  const cookies = join(options.run, "cookies");
  makeDirectory(cookies);
  const marksFd = openSync(options.marks, fs.O_RDWR | fs.O_NOFOLLOW);
  try {
    const { root, index, mounts, onChange } = options;
    return new InotifyWatch(native.watchStart({ root, marksFd, index, cookies, mounts, onChange }));
  } catch (error) {
    if (isErrno(error, "EMFILE")) return noWatch("fs.inotify.max_user_instances is reached");
    if (isErrno(error, "ENOSPC")) return noWatch(WATCHES_REACHED);
    throw error;
  } finally {
    closeSync(marksFd);
  }
}

const WATCHES_REACHED = "fs.inotify.max_user_watches is reached";

interface Watched {
  readonly ino: bigint;
  readonly word: number;
}

class InotifyWatch implements TreeWatch {
  readonly #handle: WatchHandle;
  readonly #watched = new Map<string, Watched>();
  #marks = new BigUint64Array(0);
  #failure: string | undefined;
  #deaf: string | undefined;

  constructor(handle: WatchHandle) {
    this.#handle = handle;
  }

  get failure(): string | undefined {
    return this.#deaf ?? this.#failure;
  }

  get count(): number {
    return this.#watched.size;
  }

  async drain(): Promise<void> {
    try {
      await native.watchDrain(this.#handle);
      this.#deaf = undefined;
    } catch (error) {
      if (!isErrno(error, "ETIMEDOUT", "ECANCELED")) throw error;
      this.#deaf = "the watcher does not keep up";
    }
  }

  renew(marks: ArrayBuffer): void {
    const now = new BigUint64Array(marks);
    for (const [key, { word }] of this.#watched) {
      if (this.#marks[word] !== now[word] && !this.#watch(key)) this.#watched.delete(key);
    }
    this.#marks = now;
  }

  cover(directories: ReadonlyMap<string, bigint>): string[] {
    this.#failure = undefined;
    for (const key of this.#watched.keys()) if (!directories.has(key)) this.#watched.delete(key);
    const unseen: string[] = [];
    for (const [key, ino] of directories) {
      if (this.#watched.get(key)?.ino === ino) continue;
      unseen.push(key);
      this.add(key, ino);
      if (this.#failure !== undefined) return [];
    }
    return unseen;
  }

  add(key: string, ino: bigint): boolean {
    if (!this.#watch(key)) return false;
    this.#watched.set(key, { ino, word: markWord(native.pathHash(Buffer.from(key))) });
    return true;
  }

  moved(since: ArrayBuffer, now: ArrayBuffer): string[] {
    const [before, after] = [new BigUint64Array(since), new BigUint64Array(now)];
    return [...this.#watched].flatMap(([key, { word }]) => (before[word] === after[word] ? [] : key));
  }

  indexReplaced(handle: IndexHandle): void {
    native.watchSetIndex(this.#handle, handle);
  }

  stop(): void {
    native.watchStop(this.#handle);
  }

  /** False: it is gone (its directory's watch tells), or it cannot be watched. */
  #watch(key: string): boolean {
    try {
      if (native.watchAdd(this.#handle, Buffer.from(key))) return true;
      this.#failure = WATCHES_REACHED;
    } catch (error) {
      if (isErrno(error, "ENOENT", "ENOTDIR", "ELOOP")) return false;
      if (!isErrno(error, "EACCES", "ENAMETOOLONG")) throw error;
      this.#failure = `${key === "" ? "the root" : key} cannot be watched`;
    }
    return false;
  }
}
