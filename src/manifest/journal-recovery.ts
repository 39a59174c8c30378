/**
 * Reads the journal's files after whatever ended the last process.
 *
 * A file that ends in the middle of a record was being written when the process was killed: nobody was told of that
 * record, and it is cut. So is a file whose successor's name says that LMDB has everything it held. Anything else that
 * cannot be read is damage: what comes before it stands; it, and all that follows, is kept in `journal.damaged-<ms>` for
 * a person to look at, and reported.
 */
import { constants, closeSync, fdatasyncSync, ftruncateSync, openSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { readPrivateFile, syncDirectory, writeFileAtomic } from "../platform/files.js";
import { type LogRecord, scanLog } from "../platform/record-log.js";

export interface JournalDamage {
  /** The file that now has the bytes which could not be read. */
  readonly keptIn: string;
  readonly bytes: number;
  /** The last change that stands. */
  readonly lastSequence: bigint;
  readonly reason: string;
}

export interface RecoveredJournal {
  /** Files that still hold records, oldest first. */
  readonly files: readonly { readonly path: string; readonly length: number }[];
  /** The last change that stands. */
  readonly last: bigint;
  readonly damage: JournalDamage | undefined;
}

export function journalName(firstSequence: bigint): string {
  return `journal.${firstSequence.toString(16).padStart(16, "0")}`;
}

function firstSequenceOf(name: string): bigint | undefined {
  const match = /^journal\.([0-9a-f]{16})$/.exec(name);
  return match ? BigInt(`0x${match[1]!}`) : undefined;
}

const DAMAGED = "journal.damaged-";

/** Changes that could not be read are kept here; nobody has taken them away yet. */
export function hasDamagedJournal(directory: string): boolean {
  return readdirSync(directory).some((name) => name.startsWith(DAMAGED));
}

/** Calls `replay` for each record after `committed` (what LMDB has), in order. What it throws counts as damage. */
export function recoverJournal(
  directory: string,
  committed: bigint,
  replay: (record: LogRecord) => void,
): RecoveredJournal {
  const names = readdirSync(directory)
    .filter((name) => firstSequenceOf(name) !== undefined)
    .sort();
  const files: { path: string; length: number }[] = [];
  const unread: Buffer[] = [];
  let last = committed;
  let reason: string | undefined;

  for (const [index, name] of names.entries()) {
    const path = join(directory, name);
    const bytes = readPrivateFile(path) ?? Buffer.alloc(0);
    let end = 0;
    if (reason === undefined) {
      const read = replayFile(bytes, last, replay);
      ({ end, last } = read);
      const successor = names[index + 1];
      const successorGoesOn = successor !== undefined && firstSequenceOf(successor)! <= last + 1n;
      if (read.torn ? successor !== undefined && !successorGoesOn : read.reason && !successorGoesOn) {
        reason = `${name}: ${read.reason ?? `ends within a record at byte ${end}`}`;
      }
    }
    if (reason !== undefined) unread.push(bytes.subarray(end));
    files.push({ path, length: end });
    if (end < bytes.length && reason === undefined) cutTo(path, end);
  }
  if (reason === undefined) return { files, last, damage: undefined };

  const keptIn = join(directory, `${DAMAGED}${Date.now()}`);
  writeFileAtomic(keptIn, unread, { durable: true });
  for (const { path, length } of files) cutTo(path, length);
  syncDirectory(directory);
  const bytes = unread.reduce((sum, part) => sum + part.length, 0);
  return { files, last, damage: { keptIn, bytes, lastSequence: last, reason } };
}

interface ReplayedFile {
  readonly end: number;
  readonly last: bigint;
  readonly torn: boolean;
  readonly reason: string | undefined;
}

function replayFile(bytes: Buffer, committed: bigint, replay: (record: LogRecord) => void): ReplayedFile {
  const { records, end, tail } = scanLog(bytes);
  let last = committed;
  for (const record of records) {
    if (record.sequence <= last) continue;
    let reason: string | undefined;
    if (record.sequence !== last + 1n) reason = `change ${record.sequence} follows change ${last}`;
    else {
      try {
        replay(record);
      } catch (error) {
        reason = `change ${record.sequence} cannot be applied: ${error instanceof Error ? error.message : String(error)}`;
      }
    }
    if (reason !== undefined) return { end: record.start, last, torn: false, reason };
    last = record.sequence;
  }
  const reason = tail === "damaged" ? `damaged at byte ${end}` : undefined;
  return { end, last, torn: tail === "torn", reason };
}

function cutTo(path: string, length: number): void {
  const fd = openSync(path, constants.O_WRONLY | constants.O_NOFOLLOW);
  try {
    ftruncateSync(fd, length);
    fdatasyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
