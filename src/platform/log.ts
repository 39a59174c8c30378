/**
 * The daemon's log file: one line per event, with its time, 0600, rotated once to `<file>.1` at a size limit. Events are
 * rare (opened, closed, refused, failed), so each line is one synchronous append: it is there even when the next
 * instruction crashes.
 */
import { closeSync, fchmodSync, fstatSync, openSync, renameSync, writeSync } from "node:fs";

export type LogLevel = "info" | "warn" | "error";

/** Named values of an event; texts are quoted when they hold anything but plain characters. */
export type LogFacts = Readonly<Record<string, string | number | bigint | boolean>>;

export interface Log {
  info(event: string, facts?: LogFacts): void;
  warn(event: string, facts?: LogFacts): void;
  /** `cause` is written with its stack, escaped into the same line. */
  error(event: string, cause?: unknown, facts?: LogFacts): void;
  close(): void;
}

/** For tests and for library use without a file. */
export const silentLog: Log = {
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  close: () => undefined,
};

/**
 * Opens (creating) the log at `path`; its directory exists.
 * @param limit bytes at which the file is rotated. @param echo descriptor that gets every line, too.
 */
export function openLog(path: string, limit: number, echo?: number): Log {
  let fd = openAppending(path);
  let size = fstatSync(fd).size;

  function write(level: LogLevel, event: string, facts: LogFacts): void {
    const line = formatLine(new Date(), level, event, facts);
    if (echo !== undefined) say(echo, line);
    try {
      if (size + line.length > limit) rotate();
      size += writeSync(fd, line);
    } catch {
      // A full disk must not stop the daemon, and there is nowhere else to say so.
    }
  }

  function rotate(): void {
    renameSync(path, `${path}.1`);
    const next = openAppending(path);
    closeSync(fd);
    fd = next;
    size = 0;
  }

  return {
    info: (event, facts = {}) => write("info", event, facts),
    warn: (event, facts = {}) => write("warn", event, facts),
    error: (event, cause, facts = {}) =>
      write("error", event, cause === undefined ? facts : { ...facts, cause: describe(cause) }),
    close: () => closeSync(fd),
  };
}

export function formatLine(time: Date, level: LogLevel, event: string, facts: LogFacts): string {
  const parts = Object.entries(facts).map(([name, value]) => `${name}=${formatValue(value)}`);
  return `${[time.toISOString(), level, printable(event), ...parts].join(" ")}\n`;
}

function say(fd: number, line: string): void {
  try {
    writeSync(fd, line);
  } catch {
    // Nobody reads any more; the file has it.
  }
}

function formatValue(value: string | number | bigint | boolean): string {
  const text = String(value);
  return /^[\w./:@+,-]+$/.test(text) ? text : JSON.stringify(text);
}

/** An event is ours, but one line stays one line. */
function printable(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f]/g, " ");
}

function describe(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  const inner = cause.cause === undefined ? "" : ` (because of ${describe(cause.cause)})`;
  return `${cause.stack ?? cause.message}${inner}`;
}

function openAppending(path: string): number {
  const fd = openSync(path, "a", 0o600);
  fchmodSync(fd, 0o600);
  return fd;
}
