/**
 * One project: manifest, index, roots and resync behind one object. It knows nothing of sockets, so that vriftd today and
 * a vdir_d of its own tomorrow run the same code. Single-threaded: mutations are applied in call order, reads do not wait for
 * them.
 */
import type { DirEntry, VnodeEntry } from "../protocol/messages.js";
import type { IndexAnswers } from "../vdir/shared-index.js";

export type WorkspaceKind = "solid" | "phantom";

export interface WorkspaceInfo {
  readonly id: string;
  /** Real path. */
  readonly root: string;
  readonly kind: WorkspaceKind;
  /** Directory of index and marks. */
  readonly run: string;
  /** What the injected library maps. */
  readonly index: string;
  readonly entries: number;
  readonly virtualEntries: number;
  readonly virtualBytes: string;
  /** Why programs ask the kernel first for every name (a limit and its sysctl); absent while the index answers. */
  readonly distrust?: string;
  /** Of an open solid workspace that is watched. */
  readonly solid?: SolidFacts;
}

/** What is known of a solid tree; `vrift status` shows it. */
export interface SolidFacts {
  readonly watchedDirectories: number;
  /** Entries with content whose hash is known. */
  readonly hashed: number;
  /** Names that changed too recently, or are being written, and that stat asks the kernel for until they are looked at again. */
  readonly unsettled: number;
}

/** A file whose content the store now has, told by the command that put it there. */
export interface AdoptEntry {
  readonly path: string;
  /** 64 hex digits. */
  readonly hash: string;
  /** Decimal. */
  readonly size: string;
  /** Decimal nanoseconds. */
  readonly mtimeNs: string;
  /** st_mode & 07777. */
  readonly mode: number;
  /** 512-byte units. */
  readonly blocks: number;
}

export interface ResyncReport {
  readonly added: number;
  readonly removed: number;
  readonly becameBacked: number;
  readonly whiteouts: number;
}

/** `getNow` is `get` where the index alone knows; 0 while the workspace is closed, or its tree is not watched. */
export interface Workspace extends IndexAnswers {
  readonly info: WorkspaceInfo;
  /** False once it is closed (moved, converted): whoever still has it opens its root again. */
  readonly isOpen: boolean;

  /** Entry of a key; for a backed file of unknown hash it is computed (and remembered with its stamp). */
  get(path: string): Promise<VnodeEntry | null>;
  /** Sorted by name. ENOENT, ENOTDIR. */
  list(path: string): Promise<DirEntry[]>;
  /** DESIGN section 3. On a physical path the file itself changes first. Resolves when acknowledged. */
  upsert(path: string, entry: VnodeEntry): Promise<VnodeEntry>;
  remove(path: string): Promise<VnodeEntry | null>;
  /**
   * rename(2): whole subtrees, at one moment; the entry under its new name (null when somebody has removed that meanwhile).
   * ENOENT, ENOTDIR, EISDIR, ENOTEMPTY, EINVAL (into itself, or the root).
   */
  rename(oldPath: string, newPath: string): Promise<VnodeEntry | null>;
  /** ENOENT when absent; EINVAL when no file can have that time. The entry as for rename. */
  updateMtime(path: string, mtimeNs: bigint): Promise<VnodeEntry | null>;
  /**
   * Content of `tempPath` (temporary-file.ts says which) becomes that of `path`; an existing entry keeps its mode. The file is
   * consumed on success only. It takes its place among the mutations when its content is in the store.
   */
  reingest(path: string, tempPath: string, callerUid: number): Promise<VnodeEntry>;

  /**
   * Records many files at once. `virtual`: their physical files may be removed once this has resolved (it implies
   * `sync`); the blob must be in the store and any physical file must still have that size and mtime, else the path is
   * returned in `refused`. `backed`: only remembers the hash of a physical file of that size and mtime.
   */
  adopt(
    entries: readonly AdoptEntry[],
    as: "virtual" | "backed",
  ): Promise<{ refused: { path: string; reason: string }[] }>;
  /** Every virtual entry, for solid and clone. */
  virtualEntries(): Iterable<AdoptEntry>;

  /** Compares the tree with the manifest by the table of DESIGN section 4, whiteouts included, and publishes `seen`. */
  resync(): Promise<ResyncReport>;
  /** Everything acknowledged survives a power cut. */
  sync(): Promise<void>;
  close(): Promise<void>;
}
