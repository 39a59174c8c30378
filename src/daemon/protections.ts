/**
 * Protect: a file that is not to be changed loses its write bits, and gets the immutable attribute where file system and
 * privileges allow it. Which of the two it was is in its record's name, in the log, and counted in Status; the record also keeps the
 * mode that the end of the protection restores.
 *
 *   <home>/protected/<32 hex of the path's BLAKE3>.immutable or .mode
 *
 * The record is there before the file changes, and goes after it was changed back: what a crash leaves is told and undone by asking again.
 */
import { closeSync, fchmodSync, fchownSync, fstatSync, readFileSync } from "node:fs";
import type { BigIntStats } from "node:fs";
import { join } from "node:path";
import { userInfo } from "node:os";
import { VriftError } from "../platform/errors.js";
import {
  isErrno,
  makeDirectory,
  namesIn,
  readPrivateFile,
  unlinkIfPresent,
  writeFileAtomic,
} from "../platform/files.js";
import { hashBytes, hashToHex } from "../platform/hash.js";
import type { Log } from "../platform/log.js";
import { native } from "../platform/native.js";
import type { Home } from "../platform/paths.js";
import { protectionDirectory } from "../platform/paths.js";
import { knownWorkspaces } from "../workspace/known.js";
import { openProtected } from "./protected-places.js";

/** What could be applied: the attribute besides the mode, or the mode alone. */
export type Applied = "immutable" | "mode";

const KINDS: readonly Applied[] = ["immutable", "mode"];
const WRITE_BITS = 0o222;

interface Record {
  readonly path: string;
  readonly dev: string;
  readonly ino: string;
  /** Before the protection. */
  readonly mode: number;
}

export interface ProtectRequest {
  readonly path: string;
  readonly immutable: boolean;
  /** Name or number of a user. */
  readonly owner: string | null;
}

export class Protections {
  readonly #home: Home;
  readonly #log: Log;
  readonly #directory: string;

  constructor(home: Home, log: Log) {
    this.#home = home;
    this.#log = log;
    this.#directory = protectionDirectory(home);
  }

  /**
   * @param uid of whoever asks. @param base what a relative path is relative to.
   * @throws VriftError EPERM for another user, or an owner that the kernel does not let us give; EINVAL; what openProtected throws.
   */
  protect(
    { path, immutable, owner }: ProtectRequest,
    uid: number,
    base: string | undefined,
  ): Applied | undefined {
    const ours = process.getuid!();
    if (uid !== ours)
      throw new VriftError("EPERM", `files are protected for user ${ours} only, not for ${uid}`);
    const newOwner = owner === null ? undefined : uidOf(owner);
    const workspaces = knownWorkspaces(this.#home).map(({ root }) => root);
    const file = openProtected(path, base, { store: this.#home.source, workspaces });
    try {
      const applied = immutable
        ? this.#begin(file.path, file.fd, file.stat, newOwner)
        : this.#end(file.path, file.fd, file.stat, newOwner);
      this.#log.info(immutable ? "protected" : "no longer protected", {
        path: file.path,
        applied: applied ?? "nothing",
      });
      return applied;
    } finally {
      closeSync(file.fd);
    }
  }

  /** How many files are protected, and how. */
  counts(): { readonly [kind in Applied]: number } {
    const names = namesIn(this.#directory);
    const count = (kind: Applied): number => names.filter((name) => name.endsWith(`.${kind}`)).length;
    return { immutable: count("immutable"), mode: count("mode") };
  }

  #begin(path: string, fd: number, stat: BigIntStats, owner: number | undefined): Applied {
    const before = this.#recorded(path, stat);
    makeDirectory(this.#directory);
    const mode = before?.mode ?? Number(stat.mode & 0o7777n);
    const { dev, ino } = stat;
    const record: Record = { path, dev: String(dev), ino: String(ino), mode };
    const wasImmutable = before?.kind === "immutable";
    this.#write(record, wasImmutable ? "immutable" : "mode");
    // The attribute forbids everything else, so it comes last.
    if (needsChange(stat, mode & ~WRITE_BITS, owner)) {
      if (wasImmutable) native.setImmutable(fd, false);
      change(fd, stat, mode & ~WRITE_BITS, owner);
    }
    if (!native.setImmutable(fd, true)) return "mode";
    this.#write(record, "immutable");
    return "immutable";
  }

  /** undefined: there was nothing to end. */
  #end(path: string, fd: number, stat: BigIntStats, owner: number | undefined): Applied | undefined {
    const before = this.#recorded(path, stat);
    if (!native.setImmutable(fd, false) && before?.kind === "immutable")
      throw new VriftError(
        "EPERM",
        `the immutable attribute of ${path} may not be taken away by this process`,
      );
    const mode = before?.mode ?? Number(stat.mode & 0o7777n);
    if (needsChange(stat, mode, owner)) change(fd, stat, mode, owner);
    for (const kind of KINDS) unlinkIfPresent(this.#file(path, kind));
    return before?.kind;
  }

  /** undefined: the path is not protected, or the file that was is another one. */
  #recorded(path: string, { dev, ino }: BigIntStats): (Record & { readonly kind: Applied }) | undefined {
    for (const kind of KINDS) {
      const bytes = readPrivateFile(this.#file(path, kind));
      if (bytes === undefined) continue;
      const record = JSON.parse(bytes.toString()) as Record;
      if (record.dev === String(dev) && record.ino === String(ino)) return { ...record, kind };
    }
    return undefined;
  }

  #write(record: Record, kind: Applied): void {
    const bytes = Buffer.from(`${JSON.stringify(record)}\n`);
    writeFileAtomic(this.#file(record.path, kind), bytes, { durable: true });
    for (const other of KINDS) if (other !== kind) unlinkIfPresent(this.#file(record.path, other));
  }

  #file(path: string, kind: Applied): string {
    return join(this.#directory, `${hashToHex(hashBytes(Buffer.from(path))).slice(0, 32)}.${kind}`);
  }
}

function needsChange(stat: BigIntStats, mode: number, owner: number | undefined): boolean {
  return Number(stat.mode & 0o7777n) !== mode || (owner !== undefined && stat.uid !== BigInt(owner));
}

/** The owner first: giving a file away takes set-user-id bits from its mode. */
function change(fd: number, stat: BigIntStats, mode: number, owner: number | undefined): void {
  if (owner !== undefined && stat.uid !== BigInt(owner)) fchownSync(fd, owner, Number(stat.gid));
  if ((fstatSync(fd).mode & 0o7777) !== mode) fchmodSync(fd, mode);
}

function uidOf(owner: string): number {
  if (/^(0|[1-9][0-9]{0,9})$/.test(owner) && Number(owner) < 0xffff_ffff) return Number(owner);
  const me = userInfo();
  if (owner === me.username) return me.uid;
  const uid = passwd().split("\n").map((line) => line.split(":")).find(([name]) => name === owner)?.[2]; // prettier-ignore
  if (owner === "" || uid === undefined || !/^\d+$/.test(uid))
    throw new VriftError("EINVAL", `there is no user ${JSON.stringify(owner.slice(0, 100))}`);
  return Number(uid);
}

function passwd(): string {
  try {
    return readFileSync("/etc/passwd", "utf8");
  } catch (error) {
    if (isErrno(error, "ENOENT", "EACCES")) return "";
    throw error;
  }
}
