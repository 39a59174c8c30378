/**
 * A process for fault-walk.test.ts: runs one procedure again and again, each time on a new scene, and each time with another of its calls
 * failing once; until it makes no more calls than that, or at the points that are named. Prints a JSON line: what it did, and what was
 * wrong. Arguments: procedure, seed, number of points or `all`.
 */
import { existsSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { setTimeout as wait } from "node:timers/promises";
import { failingCalls } from "../fail-call.js";
import type { Scene } from "./killed-procedures.js";

const faults = failingCalls();
const { handedOver, keeping, makeSceneDirectory, prepare, procedures, writeAsPrograms } =
  await import("./killed-procedures.js");
const { assertContent, look, within } = await import("./scene.js");
const { toVriftError } = await import("../../src/platform/errors.js");
const { Random } = await import("../store/random.js");

const [name = "", seed = "1", points = "all"] = process.argv.slice(2);
const procedure = { ...procedures, ...keeping }[name]!;
/** Nobody sees that anything was done. */
const isKeeping = Object.hasOwn(keeping, name);

async function newScene(): Promise<string> {
  const directory = makeSceneDirectory(tmpdir());
  await within(directory, prepare);
  if (isKeeping) writeAsPrograms({ directory });
  return directory;
}

interface Run {
  /** What the one who asked was told; undefined: that it is done. */
  readonly error: string | undefined;
  readonly calls: number;
  readonly failed: string | undefined;
  readonly lines: string;
}

/** In the same process afterwards, and as the next one finds it. */
async function run(at: number, pick: number): Promise<Run> {
  const directory = await newScene();
  try {
    const first = await within(directory, async (scene): Promise<Run> => {
      faults.failAt(at, pick);
      let error: string | undefined;
      try {
        await procedure(scene);
      } catch (thrown) {
        error = toVriftError(thrown).code;
      }
      const { calls, failed } = faults;
      faults.failAt(Infinity);
      await again(() => scene.workspace.resync(), failed?.code);
      const lines = await look(scene.workspace);
      await assertContent(scene, `call ${at}`);
      return { error, calls, failed: failed && `${failed.code} of ${failed.name}`, lines: lines.join("\n") };
    });
    await within(directory, (scene) => checkLater(scene, first));
    return first;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** A manifest that could not be committed refuses with the same reason until it could: a second at most. */
async function again(work: () => Promise<unknown>, code: string | undefined): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await work();
      return;
    } catch (error) {
      if (toVriftError(error).code !== code || attempt === 100) throw error;
      await wait(50);
    }
  }
}

async function checkLater(scene: Scene, { lines, error }: Run): Promise<void> {
  const later = (await look(scene.workspace)).join("\n");
  if (later !== lines) throw new Error(`the next process sees\n${later}\nnot\n${lines}`);
  await assertContent(scene, "later");
  if (isKeeping) {
    const { kept } = await scene.workspace.commit({ dehydrate: true });
    if (kept.length > 0) throw new Error(`kept ${kept.join(" ")}`);
    if ((await look(scene.workspace)).join("\n") !== lines)
      throw new Error("another commit changed what is seen");
    await assertContent(scene, "after another commit");
  }
  if (name.startsWith("reingest") && error !== undefined && !existsSync(handedOver(scene.directory)))
    throw new Error("what was handed over is gone, although the one who did it was told that it failed");
}

const problems: string[] = [];
const told = new Map<string, number>();
const before = await (async () => {
  const directory = await newScene();
  const lines = await within(directory, async ({ workspace }) => (await look(workspace)).join("\n"));
  rmSync(directory, { recursive: true });
  return lines;
})();
const whole = await run(Infinity, 0);
if (whole.error !== undefined) problems.push(`without a fault: ${whole.error}`);
const after = whole.lines;

/** Directories that were made for a name that did not come are no harm. */
const isBefore = (lines: string): boolean => lines.replace(/^n\/(m\/)? .*\n/gm, "") === before;

const random = new Random(Number(seed));
const walk =
  points === "all"
    ? Array.from({ length: whole.calls }, (_, i) => i + 1)
    : Array.from({ length: Number(points) }, () => 1 + random.below(whole.calls));
for (const at of walk) {
  const say = (what: string): void => void problems.push(`call ${at}: ${what}`);
  try {
    const { error, failed, lines } = await run(at, random.below(60));
    if (failed === undefined) continue; // it has made fewer calls this time
    told.set(`${failed} → ${error ?? "done"}`, (told.get(`${failed} → ${error ?? "done"}`) ?? 0) + 1);
    if (lines !== after && (error === undefined || !isBefore(lines)))
      say(
        `${failed}, told ${error ?? "done"}: neither before nor after:\n${lines}\nbefore\n${before}\nafter\n${after}`,
      );
    if (error !== undefined && !failed.startsWith(error) && !["EBUSY", "EIO"].includes(error))
      say(`${failed} was told as ${error}`);
  } catch (thrown) {
    const { failed } = faults;
    say(`${failed?.code} of ${failed?.name}: ${thrown instanceof Error ? thrown.stack : String(thrown)}`);
  }
}
process.stdout.write(
  `${JSON.stringify({ calls: whole.calls, walked: walk.length, told: [...told], problems })}\n`,
);
process.exit(0);
