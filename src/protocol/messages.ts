/** The structures of the specification, section 5, as this program holds them. u64 is bigint, byte arrays are Uint8Array. */
export interface VnodeEntry {
  /** BLAKE3, 32 bytes. */
  readonly content_hash: Uint8Array;
  readonly size: bigint;
  /** Nanoseconds since 1970. */
  readonly mtime: bigint;
  /** st_mode & 07777. */
  readonly mode: number;
  /** 0x01 directory, 0x02 symbolic link. */
  readonly flags: number;
}

export interface DirEntry {
  readonly name: string;
  readonly is_dir: boolean;
}
