/**
 * native/test/between.c on a plain tree and on a phantom one: what two programs say and leave, one of them interrupted by the other at any
 * of its system calls, must be what they say and leave one after the other.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { accessSync, constants, mkdirSync, mkdtempSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeTree, Phantom, program } from "./phantom-fixture.js";

/** What was done before, by one program; and what two do at once. Several operations of one are separated by commas. */
export interface Meeting {
  readonly setup: string;
  readonly a: string;
  readonly b: string;
}

/** Of each directory in which programs meet. */
const DIRECTORY = { f: "f\n", g: "g\n", "d/x": "x\n", "e/": "", "full/x": "other\n" };

interface Run {
  readonly meeting: number;
  /** A line of between.c: where, when. */
  readonly at: string;
  readonly directory: string;
  readonly outcome: string;
  readonly state: string;
}

function between(
  root: string,
  words: readonly string[],
  input: string,
  env: Readonly<Record<string, string>>,
): string[] {
  const ended = spawnSync(program("between"), words, {
    cwd: root,
    input,
    encoding: "utf8",
    env: { PATH: process.env["PATH"], LC_ALL: "C", ...env },
    timeout: 280_000,
    maxBuffer: 1 << 28,
  });
  assert.deepEqual([ended.stderr, ended.status], ["", 0], `${words.join(" ")} of ${input}`);
  return ended.stdout.trimEnd().split("\n");
}

function runs(lines: readonly string[]): Run[] {
  return lines.map((line) => {
    const [at = "", rest = ""] = line.split("\t");
    const [meeting = "", , directory = ""] = at.split(" ");
    const [a = "", b = "", state = ""] = rest.split("|").map((part) => part.trim());
    return { meeting: Number(meeting), at, directory, outcome: `${a} | ${b} | ${state}`, state };
  });
}

/** Thousands of small files for a few seconds: in memory where there is room, so that nobody waits for a disk that others use. */
function scratch(): string {
  const memory = "/dev/shm";
  try {
    accessSync(memory, constants.W_OK);
    const { bavail, bsize } = statfsSync(memory);
    return bavail * bsize > 256 << 20 ? memory : tmpdir();
  } catch {
    return tmpdir();
  }
}

/** One of the two library states that a meeting may happen in: the index answers, or the kernel is asked first. */
export type Trust = "trusted" | "dead";

/**
 * Every `stride`-th stop of each, from `first` on; at most `directories` of them altogether. Returns how many runs there were, and what no
 * order of the two explains.
 */
export async function interleave(
  meetings: readonly Meeting[],
  { first, stride, directories, trust }: { first: number; stride: number; directories: number; trust: Trust },
): Promise<{ runs: number; failures: string[] }> {
  const base = mkdtempSync(join(scratch(), "vrift-between-"));
  const plain = join(base, "plain");
  const root = join(base, "home", "tree");
  const input = meetings.map(({ setup, a, b }) => `${setup} | ${a} | ${b}\n`).join("");
  const make = (where: string, count: number): void => {
    for (let n = 0; n < count; n++) makeTree(join(where, `c${n}`), DIRECTORY);
  };
  try {
    mkdirSync(plain);
    make(
      plain,
      meetings.reduce((sum, { b }) => sum + b.split(",").length + 1, 0),
    );
    const allowed = meetings.map(() => new Set<string>());
    for (const { meeting, outcome } of runs(between(plain, ["serial"], input, {})))
      allowed[meeting]?.add(outcome);

    make(root, directories);
    const phantom = await Phantom.start(root, join(base, "run"), join(base, "source"));
    try {
      if (trust === "dead") await phantom.command("die");
      const held = runs(between(root, ["held", String(first), String(stride)], input, phantom.environment));
      const failures: string[] = [];
      for (const { meeting, at, outcome } of held) {
        const { setup, a, b } = meetings[meeting]!;
        if (!allowed[meeting]?.has(outcome))
          failures.push(
            `${setup}; ${a} held at ${at.split(" ")[1]}, ${b}:\n  ${outcome}\nnot\n  ${[...(allowed[meeting] ?? [])].join("\n  ")}`,
          );
      }
      if (trust === "trusted") {
        await phantom.command("fold");
        const shown = between(
          root,
          ["show"],
          held.map(({ directory }) => `${directory}\n`).join(""),
          phantom.environment,
        );
        for (const [n, { at, meeting, state }] of held.entries()) {
          const now = shown[n]?.split("\t")[1]?.trim();
          const { setup, a, b } = meetings[meeting]!;
          if (now !== state)
            failures.push(`${setup}; ${a} held at ${at}, ${b}:\n  ${state}\nfolded\n  ${now}`);
        }
      }
      return { runs: held.length, failures };
    } finally {
      await phantom.stop();
    }
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
}
