/** The end of a growing file, as `tail -F` shows it. */
import { closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { isErrno } from "../platform/files.js";

const POLL_MS = 200;
const CHUNK = 64 * 1024;

/** The last `count` lines, complete or not. "" when there is no such file. */
export function lastLines(path: string, count: number): { readonly text: string; readonly end: number } {
  const fd = openIfThere(path);
  if (fd === undefined || count <= 0) {
    if (fd === undefined) return { text: "", end: 0 };
    const end = fstatSync(fd).size;
    closeSync(fd);
    return { text: "", end };
  }
  try {
    const end = fstatSync(fd).size;
    let start = end;
    let tail = Buffer.alloc(0);
    while (start > 0 && countLines(tail) <= count) {
      const from = Math.max(0, start - CHUNK);
      const part = Buffer.alloc(start - from);
      readSync(fd, part, 0, part.length, from);
      tail = Buffer.concat([part, tail]);
      start = from;
    }
    const lines = tail.toString("utf8").split("\n");
    const complete = lines.at(-1) === "" ? 1 : 0;
    return { text: lines.slice(Math.max(0, lines.length - count - complete)).join("\n"), end };
  } finally {
    closeSync(fd);
  }
}

/** Calls `write` with what is added after `end`, also when the file is replaced or cut, until `signal`. */
export async function followFile(
  path: string,
  end: number,
  write: (part: Uint8Array) => void,
  signal?: AbortSignal,
): Promise<void> {
  let position = end;
  let inode = statSync(path, { throwIfNoEntry: false })?.ino;
  while (signal?.aborted !== true) {
    const status = statSync(path, { throwIfNoEntry: false });
    if (status && (status.ino !== inode || status.size < position)) position = 0;
    inode = status?.ino;
    if (status && status.size > position) position = copyFrom(path, position, write);
    await wait(POLL_MS);
  }
}

function copyFrom(path: string, position: number, write: (part: Uint8Array) => void): number {
  const fd = openIfThere(path);
  if (fd === undefined) return position;
  try {
    const part = Buffer.alloc(CHUNK);
    for (let at = position; ;) {
      const count = readSync(fd, part, 0, part.length, at);
      if (count === 0) return at;
      write(part.subarray(0, count));
      at += count;
    }
  } finally {
    closeSync(fd);
  }
}

function countLines(text: Buffer): number {
  let lines = 0;
  for (let at = text.indexOf(10); at >= 0; at = text.indexOf(10, at + 1)) lines++;
  return lines;
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, "r");
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}
