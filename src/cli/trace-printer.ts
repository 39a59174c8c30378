/** Traced messages as lines: one for each with --json, one for each request with its reply for people. */
import type { TraceEvent } from "../daemon/control.js";
import { TRACE_EVENTS_MAX } from "../platform/limits.js";
import { traceLine } from "./trace-message.js";
import type { TraceLine } from "./trace-message.js";

/** Members of a list that people are shown. */
const LIST_SHOWN_MAX = 4;
const COLUMNS = { connection: 5, duration: 9 };

export interface TracePrinter {
  event(event: TraceEvent): string;
  dropped(count: number): string;
  /** Requests that have no reply yet. */
  rest(): string;
}

export const jsonPrinter: TracePrinter = {
  event: (event) => `${JSON.stringify(traceLine(event))}\n`,
  dropped: (count) => `${JSON.stringify({ dropped: count })}\n`,
  rest: () => "",
};

export function textPrinter(): TracePrinter {
  const waiting = new Map<number, TraceLine>();
  return {
    event: (event) => {
      const line = traceLine(event);
      if (line.direction === "request") {
        waiting.set(line.number, line);
        // Its reply was dropped; that was said.
        if (waiting.size > TRACE_EVENTS_MAX) waiting.delete(waiting.keys().next().value!);
        return "";
      }
      const request = waiting.get(line.request ?? 0);
      waiting.delete(line.request ?? 0);
      return textLine(request, line);
    },
    dropped: (count) => `… ${count} messages came too fast or while nobody read, and are not shown\n`,
    rest: () => [...waiting.values()].map((request) => textLine(request, undefined)).join(""),
  };
}

/** The time is the request's, or of a reply without one its own. */
function textLine(request: TraceLine | undefined, reply: TraceLine | undefined): string {
  const { time, connection } = (request ?? reply)!;
  const duration = reply?.microseconds === undefined ? "" : `${reply.microseconds.toFixed(1)} us`;
  const facts = [
    localTime(time),
    `#${connection}`.padStart(COLUMNS.connection),
    duration.padStart(COLUMNS.duration + 3),
  ];
  const asked = request === undefined ? "?" : messageText(request);
  return `${facts.join(" ")}  ${asked} -> ${reply === undefined ? "not answered yet" : messageText(reply)}\n`;
}

function messageText(line: TraceLine): string {
  if ("error" in line) return `${line.error} in ${line.payload}`;
  if (!("message" in line)) return `${line.name} of ${line.bytes} bytes`;
  const { message } = line;
  if (typeof message === "string") return message;
  return Object.entries(message as object)
    .map(([name, fields]) => `${name} ${JSON.stringify(fields, shortList)}`)
    .join("");
}

function shortList(_name: string, value: unknown): unknown {
  if (!Array.isArray(value) || value.length <= LIST_SHOWN_MAX) return value;
  return [...(value as unknown[]).slice(0, LIST_SHOWN_MAX), `… ${value.length} in all`];
}

/** As the wall clock here says it: a trace is read while it happens. */
function localTime(time: string): string {
  const date = new Date(time);
  const two = (value: number): string => String(value).padStart(2, "0");
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(":");
  return `${clock}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}
