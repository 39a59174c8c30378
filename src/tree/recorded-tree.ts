/**
 * The names of a workspace at one moment, as a snapshot's body has them: one JSON line each, sorted by key. Pure. The same names give the
 * same bytes, so that equal snapshots are one blob.
 */
import { VriftError } from "../platform/errors.js";

export interface RecordedDirectory {
  readonly type: "dir";
  /** st_mode & 07777. */
  readonly mode: number;
  readonly mtimeNs: bigint;
}

export interface RecordedFile {
  readonly type: "file";
  readonly mode: number;
  readonly mtimeNs: bigint;
  readonly size: bigint;
  /** 64 hex digits. */
  readonly hash: string;
  /** 512-byte units. */
  readonly blocks: number;
  /** It was an entry without a file. */
  readonly virtual: boolean;
  /** Names with the same one share an inode; the first of them in key order. */
  readonly linkedTo?: string;
}

export interface RecordedLink {
  readonly type: "symlink";
  readonly mtimeNs: bigint;
  /** The bytes of the target, as Latin-1. */
  readonly target: string;
}

export type RecordedName = RecordedDirectory | RecordedFile | RecordedLink;

/** By key; "" is the root. */
export type RecordedTree = ReadonlyMap<string, RecordedName>;

/** What a physical file was when it was recorded: `<inode>:<ctime in nanoseconds>`, by key. */
export type RecordedStamps = ReadonlyMap<string, string>;

const VERSION = 1;

type Line =
  | readonly ["d", string, number, string]
  | readonly ["l", string, string, string]
  | readonly ["f", string, number, string, string, string, number, 0 | 1, string?];

export function encodeTree(tree: RecordedTree): Buffer {
  const lines = [JSON.stringify({ vriftSnapshot: VERSION })];
  for (const key of [...tree.keys()].sort()) lines.push(JSON.stringify(toLine(key, tree.get(key)!)));
  return Buffer.from(`${lines.join("\n")}\n`);
}

/** VRIFT_DAMAGED. */
export function decodeTree(bytes: Buffer): Map<string, RecordedName> {
  const tree = new Map<string, RecordedName>();
  try {
    const [head, ...lines] = bytes.toString("utf8").trimEnd().split("\n");
    assertVersion(head);
    for (const line of lines) {
      const [key, name] = fromLine(JSON.parse(line) as Line);
      tree.set(key, name);
    }
  } catch (cause) {
    throw new VriftError("VRIFT_DAMAGED", "the names of a snapshot cannot be read", { cause });
  }
  return tree;
}

export function encodeStamps(stamps: RecordedStamps): Buffer {
  const lines = [...stamps.keys()].sort().map((key) => JSON.stringify([key, stamps.get(key)]));
  return Buffer.from([JSON.stringify({ vriftSnapshot: VERSION }), ...lines, ""].join("\n"));
}

/** VRIFT_DAMAGED. */
export function decodeStamps(bytes: Buffer): Map<string, string> {
  try {
    const [head, ...lines] = bytes.toString("utf8").trimEnd().split("\n");
    assertVersion(head);
    return new Map(lines.map((line) => JSON.parse(line) as [string, string]));
  } catch (cause) {
    throw new VriftError("VRIFT_DAMAGED", "the stamps of a snapshot cannot be read", { cause });
  }
}

function assertVersion(head: string | undefined): void {
  const { vriftSnapshot } = JSON.parse(head ?? "") as { vriftSnapshot?: unknown };
  if (vriftSnapshot !== VERSION) throw new Error(`version ${String(vriftSnapshot)}`);
}

function toLine(key: string, name: RecordedName): Line {
  switch (name.type) {
    case "dir":
      return ["d", key, name.mode, String(name.mtimeNs)];
    case "symlink":
      return ["l", key, name.target, String(name.mtimeNs)];
    case "file": {
      const { mode, mtimeNs, size, hash, blocks, virtual, linkedTo } = name;
      const line = ["f", key, mode, String(mtimeNs), String(size), hash, blocks, virtual ? 1 : 0] as const;
      return linkedTo === undefined ? line : [...line, linkedTo];
    }
  }
}

function fromLine(line: Line): [string, RecordedName] {
  switch (line[0]) {
    case "d":
      return [line[1], { type: "dir", mode: line[2], mtimeNs: BigInt(line[3]) }];
    case "l":
      return [line[1], { type: "symlink", target: line[2], mtimeNs: BigInt(line[3]) }];
    case "f": {
      const [, key, mode, mtimeNs, size, hash, blocks, virtual, linkedTo] = line;
      const file = {
        mode,
        mtimeNs: BigInt(mtimeNs),
        size: BigInt(size),
        hash,
        blocks,
        virtual: virtual === 1,
      };
      return [key, { type: "file", ...file, ...(linkedTo === undefined ? {} : { linkedTo }) }];
    }
    default:
      throw new Error(`a line begins with ${String(line[0])}`);
  }
}
