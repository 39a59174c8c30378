/** How far a procedure is: one line on a terminal, redrawn; nothing in a pipe. */
import { noProgress } from "../tree/progress.js";
import type { Phase, Progress } from "../tree/progress.js";
import { bytesText } from "./bytes-text.js";

export interface ProgressBar extends Progress {
  /** Removes the line, so that what is printed next starts at the left. */
  clear(): void;
}

export const noBar: ProgressBar = { ...noProgress, clear: () => undefined };

/** Drawn at most once in this time: the terminal is not to be the bottleneck of a copy. */
const INTERVAL_MS = 80;
const BAR_WIDTH = 24;

const labels: Readonly<Record<Phase, string>> = {
  recover: "looking for what an interrupted run left",
  scan: "looking at the tree",
  import: "into the store",
  place: "into the tree",
  copy: "copying",
  verify: "looking at the store",
  search: "looking for what is lost",
  register: "recording",
};

/** @param write to the terminal. @param columns of the terminal, asked at each drawing. */
export function progressBar(
  write: (text: string) => void,
  columns: () => number,
  now: () => number = Date.now,
): ProgressBar {
  let phase: Phase = "scan";
  let total = { files: 0, bytes: 0n };
  let done = { files: 0, bytes: 0n };
  let drawn = false;
  let nextDraw = 0;

  function draw(): void {
    if (now() < nextDraw) return;
    nextDraw = now() + INTERVAL_MS;
    drawn = true;
    write(`\r\x1b[K${progressLine(phase, done, total).slice(0, Math.max(columns() - 1, 10))}`);
  }

  return {
    begin(next, files, bytes) {
      phase = next;
      total = { files, bytes };
      done = { files: 0, bytes: 0n };
      draw();
    },
    advance(files, bytes) {
      done = { files: done.files + files, bytes: done.bytes + bytes };
      draw();
    },
    clear() {
      if (drawn) write("\r\x1b[K");
      drawn = false;
      nextDraw = 0;
    },
  };
}

export interface Amount {
  readonly files: number;
  readonly bytes: bigint;
}

/** By bytes where their total is known, else by files. */
export function progressLine(phase: Phase, done: Amount, total: Amount): string {
  const counted = `${done.files}${total.files > 0 ? `/${total.files}` : ""} files`;
  const amount = done.bytes > 0n ? `${counted}, ${bytesText(done.bytes)}` : counted;
  if (total.files === 0) return done.files === 0 ? `${labels[phase]} ...` : `${labels[phase]}: ${amount}`;
  const part =
    total.bytes > 0n
      ? Number((done.bytes * 1000n) / total.bytes) / 1000
      : Math.min(done.files / total.files, 1);
  const filled = Math.round(Math.min(part, 1) * BAR_WIDTH);
  const bar = "#".repeat(filled) + "-".repeat(BAR_WIDTH - filled);
  return `${labels[phase]} [${bar}] ${amount}`;
}
