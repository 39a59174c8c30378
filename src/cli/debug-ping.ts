import { VriftError } from "../platform/errors.js";
import type { VeloRequest } from "../protocol/messages.js";
import { PROTOCOL_VERSION } from "../protocol/version.js";
import { parseWireError } from "../protocol/wire-error.js";
import type { DebugAction } from "./debug-action.js";
import type { DebugConnection } from "./debug-connection.js";

const COUNT = 1000;
const COUNT_MAX = 10_000_000;

export const ping: DebugAction = {
  name: "ping",
  usage: ["ping [--count N] [--socket PATH] [--root DIR] [--json] [KEY]"],
  about: [
    "ping measures round trips on one connection, one after the other: of Handshake, of Status, and with --root of\n" +
      "ManifestGet of KEY (the root itself by default). Times are microseconds.",
  ],
  options: ["socket", "root", "count", "json"],
  async run(context, [key, ...others]) {
    if (others.length > 0) throw new VriftError("VRIFT_USAGE", "debug ping takes one KEY");
    if (key !== undefined && context.value("root") === undefined)
      throw new VriftError("VRIFT_USAGE", "debug ping needs --root for a KEY");
    const count = parseCount(context.value("count"));
    const requests: VeloRequest[] = [
      { type: "Handshake", client_version: PROTOCOL_VERSION },
      { type: "Status" },
    ];
    if (context.value("root") !== undefined) requests.push({ type: "ManifestGet", path: key ?? "" });
    const { debugConnection } = await import("./debug-connection.js");
    const connection = await debugConnection(context);
    try {
      const results: Result[] = [];
      for (const request of requests) results.push(await measure(connection, request, count));
      const { path } = connection;
      return { data: { socket: path, count, results }, text: table(path, count, results) };
    } finally {
      connection.close();
    }
  },
};

interface Result {
  readonly request: string;
  readonly min_us: number;
  readonly median_us: number;
  readonly p99_us: number;
  readonly max_us: number;
}

function parseCount(text: string | undefined): number {
  if (text === undefined) return COUNT;
  const count = /^\d{1,8}$/.test(text) ? Number(text) : 0;
  if (count < 1 || count > COUNT_MAX)
    throw new VriftError("VRIFT_USAGE", `--count is a number from 1 to ${COUNT_MAX}, not ${text}`);
  return count;
}

/** The first one is not counted: it warms both sides. */
async function measure(connection: DebugConnection, request: VeloRequest, count: number): Promise<Result> {
  const first = await connection.call(request);
  if (first.type === "Error") throw parseWireError(first.message);
  const times = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const start = performance.now();
    await connection.call(request);
    times[i] = (performance.now() - start) * 1000;
  }
  times.sort();
  return {
    request: request.type,
    min_us: tenths(times[0]!),
    median_us: tenths(at(times, 0.5)),
    p99_us: tenths(at(times, 0.99)),
    max_us: tenths(times[count - 1]!),
  };
}

/** Nearest rank: the least value that so great a part of all does not exceed. */
function at(sorted: Float64Array, part: number): number {
  return sorted[Math.ceil(part * sorted.length) - 1]!;
}

function tenths(value: number): number {
  return Math.round(value * 10) / 10;
}

function table(path: string, count: number, results: readonly Result[]): string {
  const header = ["request", "min", "median", "p99", "max"];
  const rows = results.map(({ request, min_us, median_us, p99_us, max_us }) => [
    request,
    ...[min_us, median_us, p99_us, max_us].map((us) => us.toFixed(1)),
  ]);
  const lines = [header, ...rows].map(([first, ...cells]) =>
    [first!.padEnd(12), ...cells.map((cell) => cell.padStart(9))].join(" "),
  );
  return [`${path}: ${count} round trips each, microseconds`, ...lines].join("\n");
}
