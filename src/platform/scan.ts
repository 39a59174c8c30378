/** Lists a tree with every fact the rest of vrift needs of a name, in one pass of C (native/addon/scan.c). */
import { native } from "./native.js";
import { scanRecord } from "./scan-record.js";

export type ScanType = "file" | "dir" | "symlink" | "special";

export interface ScanEntry {
  /** Relative to the root, never "". Where the bytes are not UTF-8 it holds U+FFFD and names nothing: use `rawKey`. */
  readonly key: string;
  readonly validUtf8: boolean;
  readonly rawKey: Buffer;
  readonly type: ScanType;
  /** st_mode & 07777. */
  readonly mode: number;
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly ino: bigint;
  readonly dev: bigint;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  /** 512-byte units. */
  readonly blocks: number;
  /** Regular files: has an extended attribute (an ACL is one; security.selinux is not counted). */
  readonly xattr: boolean;
  /**
   * 0, or the (positive) errno why a directory's names are not all here: EACCES, EXDEV for another file system (never
   * entered), ESTALE when it was moved meanwhile. On another type: why it could not be examined; only key and type count.
   */
  readonly errno: number;
}

/**
 * Every name below `root` (which may be a link to a directory), parents before children, otherwise unordered. Links are
 * not followed, other file systems not entered. `skip` holds keys that are listed but not descended into. A tree that
 * changes meanwhile gives some mixture of before and after. Rejects with the errno of the root itself.
 */
export async function scanTree(root: string, skip: readonly string[]): Promise<ScanEntry[]> {
  return decodeScan(await native.scanTree(root, skip));
}

/** Reads the packed buffer. */
export function decodeScan(packed: ArrayBuffer): ScanEntry[] {
  const bytes = Buffer.from(packed);
  const view = new DataView(packed);
  const entries: ScanEntry[] = [];
  for (let at = 0; at < packed.byteLength;) {
    const keyAt = at + scanRecord.size;
    const keyEnd = keyAt + view.getUint32(at + 64, true);
    entries.push(new PackedEntry(bytes, view, at, keyAt, keyEnd));
    at = (keyEnd + 8) & ~7;
  }
  return entries;
}

/** `rawKey` is made on demand: a Buffer for each of 100,000 names costs more than the rest of the record. */
class PackedEntry implements ScanEntry {
  readonly key: string;
  readonly validUtf8: boolean;
  readonly type: ScanType;
  readonly mode: number;
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly ino: bigint;
  readonly dev: bigint;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  readonly blocks: number;
  readonly xattr: boolean;
  readonly errno: number;
  readonly #bytes: Buffer;
  readonly #keyAt: number;
  readonly #keyEnd: number;

  constructor(bytes: Buffer, view: DataView, at: number, keyAt: number, keyEnd: number) {
    const mode = view.getUint32(at + 48, true);
    this.key = bytes.toString("utf8", keyAt, keyEnd);
    this.validUtf8 = view.getUint8(at + 71) !== 0;
    this.type = typeOf(mode);
    this.mode = mode & 0o7777;
    this.size = view.getBigUint64(at, true);
    this.mtimeNs = view.getBigInt64(at + 8, true);
    this.ctimeNs = view.getBigInt64(at + 16, true);
    this.ino = view.getBigUint64(at + 24, true);
    this.dev = view.getBigUint64(at + 32, true);
    this.nlink = view.getUint32(at + 52, true);
    this.uid = view.getUint32(at + 56, true);
    this.gid = view.getUint32(at + 60, true);
    this.blocks = Number(view.getBigUint64(at + 40, true));
    this.xattr = view.getUint8(at + 70) !== 0;
    this.errno = view.getUint16(at + 68, true);
    this.#bytes = bytes;
    this.#keyAt = keyAt;
    this.#keyEnd = keyEnd;
  }

  get rawKey(): Buffer {
    return this.#bytes.subarray(this.#keyAt, this.#keyEnd);
  }
}

function typeOf(mode: number): ScanType {
  switch (mode & 0o170000) {
    case 0o100000:
      return "file";
    case 0o040000:
      return "dir";
    case 0o120000:
      return "symlink";
    default:
      return "special";
  }
}
