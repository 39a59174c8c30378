/** How far a command is: a bar on a terminal, nothing in a pipe. */

export interface ProgressStep {
  /** What is being done, a few words: "hashing". */
  readonly label: string;
  readonly done: number;
  /** Unknown when absent. */
  readonly total?: number;
}

export interface Progress {
  show(step: ProgressStep): void;
  /** Removes the bar, so that what is printed next starts a line. */
  clear(): void;
}

export const silent: Progress = { show: () => undefined, clear: () => undefined };

/** At most one line in 80 ms: the terminal is not the bottleneck of a copy. */
const INTERVAL_MS = 80;
const BAR_WIDTH = 24;

/** @param write to the terminal. @param columns its width. */
export function terminalProgress(
  write: (text: string) => void,
  columns: () => number,
  now: () => number = Date.now,
): Progress {
  let drawn = false;
  let nextDraw = 0;
  return {
    show(step) {
      if (now() < nextDraw) return;
      nextDraw = now() + INTERVAL_MS;
      drawn = true;
      write(`\r\x1b[K${progressLine(step).slice(0, Math.max(columns() - 1, 10))}`);
    },
    clear() {
      if (drawn) write("\r\x1b[K");
      drawn = false;
      nextDraw = 0;
    },
  };
}

export function progressLine({ label, done, total }: ProgressStep): string {
  if (!total) return `${label} ${done}`;
  const part = Math.min(done / total, 1);
  const filled = Math.round(part * BAR_WIDTH);
  const bar = "#".repeat(filled) + "-".repeat(BAR_WIDTH - filled);
  return `${label} [${bar}] ${String(Math.floor(part * 100)).padStart(3)}%  ${done}/${total}`;
}
