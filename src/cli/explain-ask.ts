/** Asks the library itself: build/native/vrift-ask with the observed library in it, and the trace of what it did. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { VriftError } from "../platform/errors.js";
import { parseCall } from "./call-trace.js";
import type { TracedCall } from "./call-trace.js";

const program = fileURLToPath(new URL("../../../build/native/vrift-ask", import.meta.url));

/** What stat says of a path that is there. */
export interface Seen {
  /** st_mode, type bits included. */
  readonly mode: number;
  readonly size: bigint;
  readonly ino: bigint;
  readonly mtimeNs: bigint;
}

export interface Asked {
  readonly by: "index" | "kernel";
  readonly reason: string;
  readonly besides: readonly string[];
  /** Its name, when the call failed. */
  readonly errno: string | undefined;
  readonly seen: Seen | undefined;
}

export interface Asking {
  /** The observed library, for LD_PRELOAD. */
  readonly library: string;
  readonly index: string;
  readonly cwd: string;
}

/** One answer for each path; `hasView` false: the library could not use the index, and left everything to the kernel. */
export function askLibrary(
  { library, index, cwd }: Asking,
  paths: readonly string[],
): { readonly hasView: boolean; readonly answers: readonly Asked[] } {
  const directory = mkdtempSync(join(tmpdir(), "vrift-explain-"));
  const trace = join(directory, "trace");
  try {
    writeFileSync(trace, "", { mode: 0o600 });
    const ended = spawnSync(program, {
      cwd,
      input: paths.map((path) => `${path}\0`).join(""),
      env: { LD_PRELOAD: library, VRIFT_INDEX: index, VRIFT_TRACE: trace },
      encoding: "utf8",
      maxBuffer: 1 << 28,
    });
    if (ended.error) throw ended.error;
    if (ended.status !== 0) throw new VriftError("EIO", `${program} failed: ${ended.stderr.trim()}`);
    const lines = ended.stdout.split("\n").slice(0, -1);
    const calls = readFileSync(trace, "latin1")
      .split("\n")
      .flatMap((line) => parseCall(line) ?? []);
    const [start] = calls;
    const asked = calls.filter(({ call }) => call === "statx");
    if (start?.call !== "start" || asked.length !== paths.length || lines.length !== paths.length)
      throw new VriftError("EIO", `${program} did not say what it did: is ${library} of this build?`);
    return {
      hasView: start.by === "index",
      answers: asked.map((call, n) => answer(call, lines[n] ?? "")),
    };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function answer({ by, reason, besides, errno }: TracedCall, line: string): Asked {
  const [code, mode = "0", size = "0", ino = "0", seconds = "0", nanoseconds = "0"] = line.split(" ");
  const seen =
    code === "0"
      ? {
          mode: parseInt(mode, 8),
          size: BigInt(size),
          ino: BigInt(ino),
          mtimeNs: BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds),
        }
      : undefined;
  return { by, reason, besides, errno, seen };
}
