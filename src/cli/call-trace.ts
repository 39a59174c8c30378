/** A line of VRIFT_TRACE (docs/observing.md), as native/observed/trace_line.c writes it. */

export interface TracedCall {
  /** Seconds since 1970, microseconds behind the point. */
  readonly time: string;
  readonly pid: number;
  readonly tid: number;
  readonly call: string;
  /** Between the parentheses: descriptors, and paths with their quotes and escapes. */
  readonly operands: string;
  /** undefined: the call may not have come back. */
  readonly result: number | undefined;
  readonly errno: string | undefined;
  readonly by: "index" | "kernel";
  readonly reason: string;
  readonly besides: readonly string[];
}

const LINE =
  /^(\d+\.\d{6}) (\d+) (\d+) (\w+)\((.*)\) = (?:(\?|-?\d+)(?: (E[A-Z0-9]+|\d+))?) (index|kernel) ([a-z-]+)((?:\+[a-z]+)*)$/;

/** undefined for what is no such line. */
export function parseCall(line: string): TracedCall | undefined {
  const found = LINE.exec(line);
  if (!found) return undefined;
  const [, time = "", pid, tid, call = "", operands = "", result, errno, by, reason = "", besides = ""] =
    found;
  return {
    time,
    pid: Number(pid),
    tid: Number(tid),
    call,
    operands,
    result: result === "?" ? undefined : Number(result),
    errno,
    by: by === "index" ? "index" : "kernel",
    reason,
    besides: besides.split("+").slice(1),
  };
}

/** The first path of a line's operands, as bytes; undefined when there is none. */
export function tracedPath(operands: string): Buffer | undefined {
  const quoted = /"([^"]*)"/.exec(operands)?.[1];
  if (quoted === undefined) return undefined;
  return Buffer.from(
    quoted.replaceAll(/\\x([0-9a-f]{2})/g, (_all, hex: string) => String.fromCharCode(parseInt(hex, 16))),
    "latin1",
  );
}
