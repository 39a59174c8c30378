/** One physical file's content goes into the store; the file itself stays as it is (docs/tree.md, phantom). */
import { closeSync, constants, fstatSync, openSync } from "node:fs";
import { join } from "node:path";
import { VriftError } from "../platform/errors.js";
import { isErrno, readFully } from "../platform/files.js";
import { hashToHex } from "../platform/hash.js";
import { native } from "../platform/native.js";
import type { ScanEntry } from "../platform/scan.js";
import { SharedContentError } from "../store/import.js";
import type { BlobId, ContentStore, FileImportResult, ImportMethod, Lease } from "../store/store.js";
import { type PhysicalReason, type PolicyEntry, type PolicyOwner, isElf, staysPhysical } from "./policy.js";
import type { AdoptEntry } from "./workspace.js";
import { permissions } from "./stat-file.js";

/** A file as somebody has seen it: the facts of a scan record that are looked at. */
export type SeenFile = PolicyEntry & Pick<ScanEntry, "ino">;

export interface TakenFile {
  readonly id: BlobId;
  readonly method: ImportMethod;
  readonly ino: bigint;
  /** As the kernel said it right after the import. */
  readonly ctimeNs: bigint;
  readonly entry: AdoptEntry;
}

export interface TakeOptions {
  readonly store: ContentStore;
  readonly root: string;
  readonly owner: PolicyOwner;
  readonly lease: Lease;
  /** `link` for files that are about to be removed. */
  readonly how: "link" | "copy";
}

/** Its content is a file that is about to leave a tree: once that has left, nothing needs to be copied. */
export type Later = "later";

/** One whose scan record said nothing against it. */
export interface ChosenFile {
  readonly key: string;
  readonly ino: bigint;
}

/** Reading must neither wait for the other end of a FIFO nor follow a link that was put in the file's place. */
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** What an open file does not tell, and who looked before does not either. */
const AS_SCANNED = { validUtf8: true, type: "file", xattr: false } as const;

/** A reason when the file cannot go, `changed` also when it is gone. Errors of the store (no space, damage) are thrown. */
export async function takeFile(
  entry: ChosenFile & Partial<SeenFile>,
  options: TakeOptions & { readonly how: "copy" },
): Promise<TakenFile | PhysicalReason>;
export async function takeFile(
  entry: ChosenFile & Partial<SeenFile>,
  options: TakeOptions,
): Promise<TakenFile | PhysicalReason | Later>;
export async function takeFile(
  entry: ChosenFile & Partial<SeenFile>,
  options: TakeOptions,
): Promise<TakenFile | PhysicalReason | Later> {
  const path = join(options.root, entry.key);
  let fd: number;
  try {
    fd = openSync(path, OPEN_FLAGS);
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR", "ELOOP", "ENXIO")) return "changed";
    if (isErrno(error, "EACCES", "EPERM")) return "unreadable";
    throw error;
  }
  try {
    return await takeOpenFile(fd, path, entry, options);
  } catch (error) {
    if (error instanceof SharedContentError) return "later";
    if (error instanceof VriftError && error.code === "EBUSY") return "changed";
    throw error;
  } finally {
    closeSync(fd);
  }
}

async function takeOpenFile(
  fd: number,
  path: string,
  entry: ChosenFile & Partial<SeenFile>,
  options: TakeOptions,
): Promise<TakenFile | PhysicalReason> {
  const stat = fstatSync(fd, { bigint: true });
  if (!stat.isFile() || stat.ino !== entry.ino || stat.dev !== options.owner.dev) return "changed";
  const mode = permissions(stat);
  const { nlink, uid, gid } = stat;
  const now = { mode, nlink: Number(nlink), uid: Number(uid), gid: Number(gid), dev: stat.dev };
  const reason = staysPhysical({ ...AS_SCANNED, ...entry, ...now }, options.owner);
  if (reason !== null) return reason;
  if (native.hasWriter(fd)) return "writer";
  const head = Buffer.alloc(4);
  if (isElf(head.subarray(0, readFully(fd, head, 0)))) return "elf";

  const imported = await options.store.importFile(fd, path, options.how, options.lease);
  if (imported.stamp.mtimeNs !== stat.mtimeNs || imported.stamp.size !== stat.size) {
    if (imported.method === "link") options.store.discardLinked(imported, imported.stamp.ino);
    return "changed";
  }
  // The file stays: its hash is recorded for its stamp, which a link would have moved and a writer may yet leave as it is.
  if (options.how === "copy") {
    if (imported.stamp.ctimeNs !== stat.ctimeNs) return "changed";
    if (native.hasWriter(fd)) return "writer";
  }
  return taken(entry.key, imported, mode, Number(stat.blocks));
}

function taken(path: string, imported: FileImportResult, mode: number, blocks: number): TakenFile {
  const { hash, size, stamp, method } = imported;
  return {
    id: { hash, size },
    method,
    ino: stamp.ino,
    ctimeNs: stamp.ctimeNs,
    entry: {
      path,
      hash: hashToHex(hash),
      size: String(size),
      mtimeNs: String(stamp.mtimeNs),
      mode,
      blocks,
    },
  };
}
