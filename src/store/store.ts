/**
 * The content store ("the source"): blobs by BLAKE3, roots that name what must stay, leases for work in progress.
 * Layout: `blake3/ab/<64 hex>_<size>.bin`, `empty`, `roots/`, `leases/`, `trash/`. Crash order: docs/store.md.
 */

/** 32-byte BLAKE3. */
export type ContentHash = Uint8Array;

export interface BlobId {
  readonly hash: ContentHash;
  readonly size: bigint;
}

/** How a file's bytes got into the store. */
export type ImportMethod = "present" | "link" | "reflink" | "copy" | "empty";

export interface ImportResult extends BlobId {
  readonly method: ImportMethod;
  /** st_blocks of the blob, 512-byte units. */
  readonly blocks: number;
}

export interface BlobStat {
  readonly size: bigint;
  readonly blocks: number;
}

export interface Lease {
  /** Hashes added are safe from any sweep until release or the end of the process. */
  add(hash: ContentHash): void;
  release(): void;
}

/** The checksummed list of hashes one workspace (or snapshot) needs. */
export interface Roots {
  /** Appends; on disk (page cache) when it resolves, so written before the change it covers is acknowledged. */
  add(hashes: readonly ContentHash[]): Promise<void>;
  /** Replaces the whole list atomically. */
  replace(hashes: Iterable<ContentHash>): Promise<void>;
  has(hash: ContentHash): boolean;
  remove(): Promise<void>;
  close(): void;
}

export interface ContentStore {
  readonly path: string;
  /** st_dev of the blob directory. */
  readonly dev: bigint;
  /** Absolute path of a blob; of the shared empty file when size is 0. */
  blobPath(id: BlobId): string;
  /** undefined: absent, or of a wrong size and now quarantined in `trash/`. */
  statBlob(id: BlobId): BlobStat | undefined;
  /**
   * Takes the content of an open regular file. `link`: the inode itself becomes the blob (EXDEV/EMLINK/EPERM fall back to
   * copying); `copy`: reflink, else copy, into a new inode. The blob appears complete or not at all, mode 0444.
   * Verifies that the file did not change while it was read (EBUSY otherwise).
   */
  importFile(fd: number, path: string, how: "link" | "copy", lease: Lease): Promise<ImportResult>;
  importBytes(bytes: Uint8Array, lease: Lease): Promise<ImportResult>;
  /** Streams the file and compares: for CasInsert of a claim. EINVAL and quarantine on a mismatch, ENOENT when absent. */
  verifyBlob(id: BlobId): Promise<void>;
  readBlob(id: BlobId): Promise<Buffer>;
  /**
   * Makes a private file with the blob's content: assembled in `stagingDirectory` (same file system as `to`), exact mode
   * and mtime, published at `to` with linkat. EEXIST when something is there.
   */
  exportTo(id: BlobId, to: string, stagingDirectory: string, mode: number, mtimeNs: bigint): Promise<void>;
  /** Every file system write so far is on disk. */
  sync(): Promise<void>;
  lease(): Lease;
  /** Opens (creating) `roots/<name>`. VRIFT_DAMAGED when it cannot be read: nothing may be deleted then. */
  roots(name: string): Promise<Roots>;
  /** Sizes on disk: files, bytes. */
  usage(): Promise<{ readonly blobs: number; readonly bytes: bigint }>;
}
