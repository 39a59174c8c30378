/**
 * The plain files in a phantom tree that programs have written: what is known of each, and which of them are due for a commit. Fed by
 * every comparison of the tree, so that it needs no walk of its own.
 */
import type { ScanEntry } from "../platform/scan.js";
import { firstPauseMs, longerPauseMs } from "./commit-policy.js";
import type { PhysicalReason, PolicyOwner } from "./policy.js";
import { staysPhysical } from "./policy.js";
import type { SeenFile } from "./take-file.js";

/** `waiting`: for its pause. `committed`: this stamp's content is in the store. `stays`: looked at, and the kernel's (an ELF file). */
type Progress = "waiting" | "committed" | "stays";

export interface WrittenFile extends SeenFile {
  readonly size: bigint;
  readonly ctimeNs: bigint;
}

interface Known {
  /** As it was seen last. */
  readonly file: WrittenFile;
  progress: Progress;
  /** It was committed, or could not be, at least once. */
  tried: boolean;
  pauseMs: number;
  dueMs: number;
  /** Not moved before. */
  moveMs: number;
}

/** Reasons that do not go away while the file is what it is. */
const LASTING: ReadonlySet<PhysicalReason> = new Set(["elf", "unreadable"]);

export class WrittenFiles {
  readonly #owner: PolicyOwner;
  readonly #known = new Map<string, Known>();

  constructor(owner: PolicyOwner) {
    this.#owner = owner;
  }

  /**
   * What a comparison has found.
   * @param isCommitted is asked once for each stamp.
   */
  take(
    names: ReadonlyMap<string, ScanEntry>,
    isCommitted: (key: string, entry: ScanEntry) => boolean,
    nowMs: number,
  ): void {
    let seen = 0;
    for (const [key, entry] of names) {
      if (entry.type !== "file" || entry.errno !== 0 || staysPhysical(entry, this.#owner) !== null) continue;
      seen += 1;
      const before = this.#known.get(key);
      if (before !== undefined && isSame(before.file, entry)) continue;
      this.#known.set(key, this.#fresh(entry, before, isCommitted(key, entry), nowMs));
    }
    if (this.#known.size === seen) return;
    for (const [key, { file }] of this.#known) {
      const entry = names.get(key);
      if (entry === undefined || !isSame(file, entry)) this.#known.delete(key);
    }
  }

  #fresh(entry: ScanEntry, before: Known | undefined, committed: boolean, nowMs: number): Known {
    const tried = before?.tried === true;
    const pauseMs = tried ? longerPauseMs(before!.pauseMs) : firstPauseMs(entry.size);
    // A clock that was set back is no reason to wait for years.
    const changedMs = Math.min(Number(entry.ctimeNs / 1_000_000n), nowMs);
    const progress = committed ? "committed" : "waiting";
    return {
      file: fileOf(entry),
      progress,
      tried: tried || committed,
      pauseMs,
      dueMs: changedMs + pauseMs,
      moveMs: 0,
    };
  }

  /** Whose pause is over. @param nowMs Infinity: all that wait. */
  due(nowMs: number): WrittenFile[] {
    const due: WrittenFile[] = [];
    for (const { file, progress, dueMs } of this.#known.values())
      if (progress === "waiting" && dueMs <= nowMs) due.push(file);
    return due;
  }

  /** When the next pause is over; Infinity when nobody waits. */
  get nextDueMs(): number {
    let next = Infinity;
    for (const { progress, dueMs } of this.#known.values())
      if (progress === "waiting" && dueMs < next) next = dueMs;
    return next;
  }

  /** Its content is in the store and in its entry. */
  recorded(file: WrittenFile): void {
    const known = this.#of(file);
    if (known === undefined) return;
    known.progress = "committed";
    known.tried = true;
  }

  /** It could not be taken. */
  refused(file: WrittenFile, reason: PhysicalReason, nowMs: number): void {
    const known = this.#of(file);
    if (known === undefined) return;
    known.tried = true;
    if (LASTING.has(reason)) {
      known.progress = "stays";
      return;
    }
    known.pauseMs = longerPauseMs(known.pauseMs);
    known.dueMs = nowMs + known.pauseMs;
  }

  /** Keys of committed files. */
  get committed(): string[] {
    return [...this.#known].flatMap(([key, { progress }]) => (progress === "committed" ? key : []));
  }

  /** Of those, the ones that have been quiet for so long, and were not tried to be moved lately. */
  quiet(quietMs: number, nowMs: number): string[] {
    return [...this.#known].flatMap(([key, known]) => (moveMs(known, quietMs) <= nowMs ? key : []));
  }

  /** When the next one is; Infinity when there is none. */
  nextQuietMs(quietMs: number): number {
    let next = Infinity;
    for (const known of this.#known.values()) next = Math.min(next, moveMs(known, quietMs));
    return next;
  }

  /** Those that are still there are tried again then. */
  triedToMove(keys: readonly string[], againMs: number): void {
    for (const key of keys) {
      const known = this.#known.get(key);
      if (known !== undefined) known.moveMs = againMs;
    }
  }

  /** It has changed since: the next comparison tells. */
  #of(file: WrittenFile): Known | undefined {
    const known = this.#known.get(file.key);
    return known?.file === file ? known : undefined;
  }
}

function isSame(file: WrittenFile, entry: ScanEntry): boolean {
  return file.ino === entry.ino && file.ctimeNs === entry.ctimeNs && file.size === entry.size;
}

/** The fields that count, without the scan's buffer behind them. */
function fileOf({
  key,
  type,
  mode,
  nlink,
  uid,
  gid,
  dev,
  xattr,
  ino,
  size,
  ctimeNs,
}: ScanEntry): WrittenFile {
  return { key, validUtf8: true, type, mode, nlink, uid, gid, dev, xattr, ino, size, ctimeNs };
}

function moveMs({ progress, file, moveMs: notBefore }: Known, quietMs: number): number {
  return progress === "committed"
    ? Math.max(Number(file.ctimeNs / 1_000_000n) + quietMs, notBefore)
    : Infinity;
}
