/**
 * The content store ("the source"): blobs by BLAKE3, roots that name what must stay, leases for work in progress.
 * Layout: blob-names.ts. Crash order: docs/store.md.
 */

/** 32-byte BLAKE3. */
export type ContentHash = Uint8Array;

export interface BlobId {
  readonly hash: ContentHash;
  readonly size: bigint;
}

/** How a file's bytes got into the store. */
export type ImportMethod = "present" | "link" | "reflink" | "copy" | "empty";

/** What the kernel said of an imported file when its content was known to be the blob's. */
export interface FileStamp {
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly ino: bigint;
  readonly dev: bigint;
}

export interface ImportResult extends BlobId {
  readonly method: ImportMethod;
  /** st_blocks of the blob, 512-byte units. */
  readonly blocks: number;
}

export interface FileImportResult extends ImportResult {
  /**
   * The file's stamp right after the import. Whoever removes the file compares it first: another size, mtime or ctime
   * means that it changed since, and must stay (and be taken back with `discardLinked`).
   */
  readonly stamp: FileStamp;
}

export interface BlobStat {
  readonly size: bigint;
  readonly blocks: number;
  readonly ino: bigint;
  /** One name, mode 0444, the seal's time. False: imported by link and not (yet) sealed, or written into since: it is to be hashed. */
  readonly sealed: boolean;
}

export interface Lease {
  /** Hashes added are safe from any sweep until release or the end of the process. */
  add(hash: ContentHash): void;
  /** What was added, 32 bytes each: for whoever goes on with the work, under a lease of its own. */
  hashes(): Buffer;
  release(): void;
}

export interface ContentHashes {
  readonly size: number;
  has(hash: ContentHash): boolean;
}

/** The checksummed list of hashes one workspace (or snapshot) needs. */
export interface Roots extends ContentHashes {
  /** Appends what is not in it yet; on disk (page cache) when it resolves, so written before the change it covers is acknowledged. */
  add(hashes: readonly ContentHash[]): Promise<void>;
  /**
   * Replaces the whole list atomically by `hashes` and whatever is given to `add` from the call on until the new list has its
   * name. They are taken in slices, so whoever takes them from what changes meanwhile adds what comes. EBUSY: another one is
   * running. An error, `ready`'s too, leaves the old list.
   * @param expected about how many.
   * @param ready awaited when all are taken, before the new list gets its name.
   */
  replace(hashes: Iterable<ContentHash>, expected?: number, ready?: () => Promise<void>): Promise<void>;
  /** `replace` is running. */
  readonly isBeingReplaced: boolean;
  remove(): Promise<void>;
  close(): void;
}

export interface SweepOptions {
  /** Milliseconds between a blob's way to the trash and its end, counted from the rename. 0: it ends in the same sweep. */
  readonly graceMs: number;
  /** What is not named and younger than this stays in its place, counted from when the store has last used it. 0 by default. */
  readonly olderThanMs?: number;
  /** What is not in it stays in its place, too; of the trash it says nothing. */
  readonly only?: ContentHashes;
  /** Told of each blob that has been moved to the trash and stays there. */
  readonly onMoved?: (blob: BlobId) => void;
  /** Ends it with EBUSY between two blobs; every blob is where lookups find it. */
  readonly signal?: AbortSignal;
}

export interface SweepResult {
  /**
   * Blobs that this sweep deleted for good: those whose grace period was over, also when an earlier sweep had moved them to
   * the trash. What it only moved there is not counted, nor what quarantine put there.
   */
  readonly deletedCount: number;
  /** Sum of their sizes (length of the content, not blocks); a blob whose inode a file outside the store shares counts 0. */
  readonly reclaimedBytes: bigint;
}

/** Lengths of content, not blocks. */
export interface Amount {
  readonly blobs: number;
  readonly bytes: bigint;
}

export interface Census {
  /** In their places. */
  readonly all: Amount;
  /** Of them, what nobody names: this goes, the young ones stay. */
  readonly garbage: Amount;
  readonly young: Amount;
  /** Named by work in progress and by no list. */
  readonly leased: Amount;
  /** By list: what it names, and of that what no other list names. */
  readonly lists: readonly (Amount & { readonly name: string; readonly alone: Amount })[];
  /** In the trash, until their grace period is over; and those of which it is over. */
  readonly swept: Amount;
  readonly over: Amount;
  /** Files that were not what their names said. */
  readonly quarantined: Amount;
}

export interface ContentStore {
  readonly path: string;
  /** st_dev of the blob directory. */
  readonly dev: bigint;
  /** Absolute path of a blob; of the shared empty file when size is 0. */
  blobPath(id: BlobId): string;
  /** undefined: absent, or of a wrong size and now quarantined in `trash/`. */
  statBlob(id: BlobId): BlobStat | undefined;
  /** The blob with this hash, whatever its size: for CasGet. Lists one directory when it has changed. */
  findBlob(hash: ContentHash): BlobId | undefined;
  /**
   * Takes the content of an open regular file; the descriptor's offset does not matter and does not move. `path` is for
   * messages. The blob appears complete or not at all. EBUSY when the file changed while it was read.
   *
   * `link`: the inode itself becomes the blob (EXDEV, EMLINK, EPERM fall back to copying) and keeps the file's mode and
   * times until the caller has removed the file's own name and calls `sealBlob`. Meanwhile `copy` of the same content replaces it by
   * a private copy, and `link` is refused (SharedContentError, EBUSY). Also for a file that an earlier, killed run has linked (two links, one of them the blob).
   * `copy`: reflink, else copy, into a new inode, mode 0444.
   */
  importFile(fd: number, path: string, how: "link" | "copy", lease: Lease): Promise<FileImportResult>;
  importBytes(bytes: Uint8Array, lease: Lease): Promise<ImportResult>;
  /**
   * After a `link` import, when the file's own name is gone and the caller has seen that nobody has it open for writing:
   * mode 0444. False: the inode still has another name (not sealed), or the blob is absent. Sealed before: true. A seal
   * that is never set costs a hash, or a copy, when the content is next imported, read or verified.
   * @param fd open on the inode that was linked.
   */
  sealBlob(id: BlobId, fd?: number): boolean;
  /** Takes a `link` import back whose file changed after it: removes the blob's name if it is (still) inode `ino`. */
  discardLinked(id: BlobId, ino: bigint): void;
  /**
   * Streams the blob and compares size and hash: for CasInsert of a claim. EINVAL and quarantine on a mismatch, ENOENT
   * when absent. A blob that is not sealed is replaced by a private copy, so that what was verified stays true.
   */
  verifyBlob(id: BlobId): Promise<void>;
  /**
   * There, and nobody has written to it since it was checked. One without its seal is hashed: replaced by a private copy, or
   * quarantined.
   */
  isSound(id: BlobId): Promise<boolean>;
  /** The whole content, hashed. EIO when the blob is absent, short or damaged (and quarantined). */
  readBlob(id: BlobId): Promise<Buffer>;
  /**
   * Makes a private file with the blob's content: assembled in `stagingDirectory` (same file system as `to`), exact mode
   * and mtime, published at `to` with linkat. EEXIST when something is there; EIO when the blob is absent, of a wrong size, or,
   * where bytes are copied or the seal is lost, of other content. A kill leaves `to` absent or whole.
   */
  exportTo(id: BlobId, to: string, stagingDirectory: string, mode: number, mtimeNs: bigint): Promise<void>;
  /** Every write to the store's file system so far is on disk (one syncfs). */
  sync(): Promise<void>;
  lease(): Lease;
  /** Hashes that live processes hold leases on. Removes the leases of dead ones. */
  leased(): ContentHashes;
  /**
   * Opens (creating) `roots/<name>`; name: `[A-Za-z0-9._-]{1,64}`, no leading dot. VRIFT_DAMAGED when it cannot be read:
   * nothing may be deleted then. One writer per name: the owner of the workspace.
   */
  roots(name: string): Promise<Roots>;
  /** Names of all roots. */
  rootNames(): string[];
  /** Ends `roots/<name>` without reading it, so also when it is damaged; absent is fine. Durable. */
  removeRoots(name: string): Promise<void>;
  /**
   * Moves blobs that neither `filter` (the caller's) nor any lease or root names to the trash, deletes those whose grace
   * period is over, and puts back what is named. EBUSY: another sweep of this store is running, in any process.
   * VRIFT_DAMAGED: a list of roots cannot be read; nothing was touched (or nothing more, when it broke during the sweep).
   * In slices: other work of the process goes on.
   */
  sweep(filter: { has(hash: ContentHash): boolean }, options?: Partial<SweepOptions>): Promise<SweepResult>;
  /**
   * Deletes from the trash what is over its grace period and puts back what is named, as a sweep begins; undefined when that was
   * done less than `dueMs` milliseconds ago. Errors and slices as `sweep`.
   */
  emptyTrash(dueMs: number, options?: Partial<SweepOptions>): Promise<SweepResult | undefined>;
  /** What a sweep would do now, and why the rest is kept. Errors and slices as `sweep`; changes nothing. */
  census(options?: Partial<Pick<SweepOptions, "graceMs" | "olderThanMs">>): Promise<Census>;
  /**
   * What nobody names and was used longest ago, as much of it as has to go for the content to be at most `maxBytes`. For a
   * sweep's `only`; it looks again at who names it. Errors as `sweep`; changes nothing.
   */
  chooseEviction(maxBytes: bigint): Promise<ContentHashes>;
  /** Blobs, and the bytes of their content. */
  usage(): Promise<{ readonly blobs: number; readonly bytes: bigint }>;
  close(): void;
}
