/**
 * `.vrift/moving/intent`: what a batch is about to move, on disk before the first move (docs/tree.md, "The invariant"). The
 * moved inodes lie beside it as `.vrift/moving/<n>`. JSON lines: a head, directories with their times, files.
 */
import {
  closeSync,
  constants,
  fstatSync,
  futimesSync,
  openSync,
  readdirSync,
  rmdirSync,
  utimesSync,
} from "node:fs";
import { join } from "node:path";
import { VriftError } from "../platform/errors.js";
import {
  isErrno,
  makeDirectory,
  readPrivateFile,
  unlinkIfPresent,
  writeFileAtomic,
} from "../platform/files.js";
import { projectPaths } from "../platform/paths.js";
import type { RecordedDirectory } from "./recorded-directories.js";

/** A file as it was when its content went into the store. */
export interface MovingFile {
  /** Its name in `.vrift/moving/`. */
  readonly n: number;
  readonly key: string;
  /** 64 hex digits. */
  readonly hash: string;
  /** Decimal. */
  readonly size: string;
  /** Decimal nanoseconds. */
  readonly mtimeNs: string;
  /** st_mode & 07777. */
  readonly mode: number;
}

export interface IntentContent {
  readonly directories: readonly RecordedDirectory[];
  readonly files: readonly MovingFile[];
}

export interface RecordedIntent extends IntentContent {
  /** When the batch began and when it last touched the intent, nanoseconds. */
  readonly beganNs: bigint;
  readonly lastNs: bigint;
}

const VERSION = 1;

export function movingDirectory(root: string): string {
  return projectPaths(root).moving;
}

export function movingPath(root: string, n: number): string {
  return join(movingDirectory(root), String(n));
}

/** A batch under way. */
export class Intent {
  readonly #root: string;
  readonly #fd: number;

  private constructor(root: string) {
    this.#root = root;
    this.#fd = openSync(intentPath(root), constants.O_RDWR | constants.O_NOFOLLOW);
  }

  /** On disk when it returns. There must be none: `recover` comes first. */
  static write(root: string, content: IntentContent): Intent {
    makeDirectory(movingDirectory(root));
    const beganNs = BigInt(Date.now()) * 1_000_000n;
    const lines = [
      JSON.stringify({ version: VERSION, beganNs: String(beganNs) }),
      ...content.directories.map(({ key, mode, atimeNs, mtimeNs }) =>
        JSON.stringify({ directory: key, mode, atimeNs: String(atimeNs), mtimeNs: String(mtimeNs) }),
      ),
      ...content.files.map((file) => JSON.stringify(file)),
    ];
    writeFileAtomic(intentPath(root), Buffer.from(`${lines.join("\n")}\n`), { durable: true });
    return new Intent(root);
  }

  /** A sign of life: the last change to a directory was ours and is now over. */
  touch(): void {
    const now = Date.now() / 1000;
    futimesSync(this.#fd, now, now);
  }

  /** Everything of it is settled. */
  remove(): void {
    this.close();
    removeIntent(this.#root);
  }

  /** Leaves it for `recover`. */
  close(): void {
    closeSync(this.#fd);
  }
}

/** The same, for who works on the batch in another thread. */
export function touchIntent(root: string): void {
  const now = Date.now() / 1000;
  utimesSync(intentPath(root), now, now);
}

/** What an interrupted batch left; undefined when none did. VRIFT_DAMAGED when it cannot be read. */
export function readIntent(root: string): RecordedIntent | undefined {
  const path = intentPath(root);
  const bytes = readPrivateFile(path);
  if (!bytes) return undefined;
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  const lastNs = fstatSync(fd, { bigint: true }).mtimeNs;
  closeSync(fd);
  try {
    return { ...parseIntent(bytes.toString("utf8")), lastNs };
  } catch (cause) {
    throw new VriftError(
      "VRIFT_DAMAGED",
      `${path} cannot be read; the files beside it are of an interrupted command`,
      {
        cause,
      },
    );
  }
}

/** The intent, what a kill left of writing one, and the directory: `solid` leaves nothing behind. */
export function removeIntent(root: string): void {
  const directory = movingDirectory(root);
  try {
    for (const name of readdirSync(directory)) {
      if (name === "intent" || name.endsWith(".tmp")) unlinkIfPresent(join(directory, name));
    }
    rmdirSync(directory);
  } catch (error) {
    if (!isErrno(error, "ENOENT", "ENOTDIR", "ENOTEMPTY", "EEXIST")) throw error;
  }
}

function intentPath(root: string): string {
  return projectPaths(root).intent;
}

type IntentLine =
  | { readonly version: number; readonly beganNs: string }
  | { readonly directory: string; readonly mode: number; readonly atimeNs: string; readonly mtimeNs: string }
  | MovingFile;

function parseIntent(text: string): Omit<RecordedIntent, "lastNs"> {
  const directories: RecordedDirectory[] = [];
  const files: MovingFile[] = [];
  let beganNs: bigint | undefined;
  for (const line of text.split("\n").slice(0, -1)) {
    const record = JSON.parse(line) as IntentLine;
    if ("version" in record) {
      if (record.version !== VERSION) throw new Error(`version ${record.version}`);
      beganNs = BigInt(record.beganNs);
    } else if ("directory" in record) {
      const { directory: key, mode, atimeNs, mtimeNs } = record;
      directories.push({ key, mode, atimeNs: BigInt(atimeNs), mtimeNs: BigInt(mtimeNs) });
    } else {
      files.push(record);
    }
  }
  if (beganNs === undefined) throw new Error("no head");
  return { beganNs, directories, files };
}
