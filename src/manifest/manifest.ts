/**
 * Which path has which content: the durable half of a workspace. One implementation over LMDB and a journal
 * (lmdb-manifest.ts), one in memory for tests (memory-manifest.ts); the same suite runs against both.
 */

/** Identity of an entry: never reused within a workspace. The root directory is 1. */
export type EntryId = bigint;
export const ROOT_ID: EntryId = 1n;
/** The root's own record is at (ROOT_PARENT, ""); its owner puts it there like any other. */
export const ROOT_PARENT: EntryId = 0n;

/** What the kernel said of a physical file when its entry was last right. */
export interface Stamp {
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly ino: bigint;
}

export interface ManifestRecord {
  readonly id: EntryId;
  /** ENTRY_DIR, ENTRY_SYMLINK, and one of ENTRY_VIRTUAL, ENTRY_BACKED, ENTRY_KERNEL; ENTRY_HASHED when `hash` is known. */
  readonly flags: number;
  /** st_mode & 07777. */
  readonly mode: number;
  readonly size: bigint;
  /** Nanoseconds since 1970, may be negative. */
  readonly mtimeNs: bigint;
  /** Nanoseconds; virtual: the last manifest change; backed: st_ctim. */
  readonly ctimeNs: bigint;
  /** 512-byte units. */
  readonly blocks: number;
  /** 32 bytes, zero when not known. */
  readonly hash: Uint8Array;
  /** Backed entries only. */
  readonly stamp: Stamp | null;
}

export type ManifestChange =
  | { readonly type: "put"; readonly parent: EntryId; readonly name: string; readonly record: ManifestRecord }
  | { readonly type: "remove"; readonly parent: EntryId; readonly name: string }
  /** Moves one record, and with it the subtree below a directory. Replaces what is at the target. */
  | {
      readonly type: "move";
      readonly parent: EntryId;
      readonly name: string;
      readonly toParent: EntryId;
      readonly toName: string;
    };

export interface Manifest {
  /** Number of the last acknowledged `apply` or `setMeta`. */
  readonly sequence: bigint;
  get(parent: EntryId, name: string): ManifestRecord | undefined;
  /** Walks the components of a key ("" is the root). */
  find(key: string): ManifestRecord | undefined;
  /**
   * Children of a directory in byte order of their names, those after `after` when it is given. Changes may be applied
   * meanwhile: what was not touched is given once.
   */
  children(parent: EntryId, after?: string): Iterable<readonly [name: string, record: ManifestRecord]>;
  /**
   * Every entry with its key, parents before children, siblings in byte order; of a walk that was left off, what comes
   * after the key `after` (which need not exist any more).
   */
  entries(after?: string): Iterable<readonly [key: string, record: ManifestRecord]>;
  /** Entries, the root included once it was put. Kept, not counted. */
  count(): number;
  /** A fresh identity; durable with the change that uses it. */
  nextId(): EntryId;
  /**
   * Applies the changes together, in order, or none of them (EINVAL, ENAMETOOLONG, EILSEQ for a name; ENOENT for a move of
   * nothing; a removal of nothing is none). Visible to get/children at once; the promise resolves when they survive a
   * kill -9 of this process (written to the journal). Power loss: after the next sync, at most a second later. While
   * that cannot be made good (disk full…) the promise is rejected with the reason, and nothing is applied.
   * To remove or replace a directory that has children is the caller's mistake: its children become unreachable.
   */
  apply(changes: readonly ManifestChange[]): Promise<void>;
  /** Resolves when everything acknowledged survives a power cut: journal, LMDB, journal cut. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** Private key-value facts that live with the manifest ("kind", "root"…), applied and durable like changes. */
export interface ManifestMeta {
  getMeta(name: string): string | undefined;
  setMeta(name: string, value: string): Promise<void>;
}
