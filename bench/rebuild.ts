/**
 * A project of a million virtual entries is opened: its index made again from the manifest, against one that is current and kept. And
 * what a client waits for an answer meanwhile, against the same client when nothing else is at work.
 */
import { rmSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { connectProject } from "../src/client/connect-project.js";
import { connectProjectControl } from "../src/client/control-client.js";
import type { VriftClient } from "../src/client/client.js";
import { workspacePaths } from "../src/platform/paths.js";
import { ownerOf } from "../src/workspace/owner-lock.js";
import { DaemonFixture } from "../test/daemon-fixture.js";
import type { BenchCase, BenchRow } from "./case.js";
import { adoptMany } from "./many-entries.js";
import { spread } from "./statistics.js";

const ROUNDS = 5;
const TOY_ROUNDS = 1;
/** Not built while asking takes all of a core. */
const ASK_EVERY_MS = 5;
const KEY = "directory-0/a file with a name 7";

interface Opened {
  readonly ms: number;
  /** Milliseconds of each request while it was being opened. */
  readonly answers: readonly number[];
}

export const rebuild: BenchCase = {
  name: "rebuild",
  summary: "the index of a million entries made again, against one that is kept; answers meanwhile",
  async run(context) {
    const t = new DaemonFixture();
    try {
      await t.start();
      const control = await t.control();
      const { workspace } = await control.call("open", { root: t.root, phantom: true });
      const { lock, index, control: socket } = workspacePaths(t.home, workspace.id);
      const entries = await adoptMany(context, t, socket);
      const end = async (): Promise<void> => {
        const pid = ownerOf(lock);
        if (pid !== undefined) process.kill(pid, "SIGTERM");
        while (ownerOf(lock) !== undefined) await wait(10);
      };
      const open = async (): Promise<Opened> => {
        const begun = performance.now();
        await control.call("open", { root: t.root });
        const project = await connectProjectControl(socket);
        const client = connectProject(t.root, { env: t.env });
        try {
          let ready = false;
          const asked = asking(client, () => ready);
          // A change waits until the index is there and the tree is compared with it.
          await project.call("sync", { durable: false });
          const ms = performance.now() - begun;
          ready = true;
          return { ms, answers: await asked };
        } finally {
          client.close();
          project.close();
        }
      };
      const made: Opened[] = [];
      const kept: Opened[] = [];
      for (let round = 0; round < (context.toy ? TOY_ROUNDS : ROUNDS); round++) {
        await end();
        kept.push(await open());
        await end();
        rmSync(index);
        made.push(await open());
        context.note(
          `round ${round}: ${made.at(-1)!.ms.toFixed(0)} ms, kept ${kept.at(-1)!.ms.toFixed(0)} ms`,
        );
      }
      return [
        row(
          `${entries} entries`,
          made.map(({ ms }) => ms),
          kept.map(({ ms }) => ms),
        ),
        row("p50 of an answer meanwhile", made.map(at(0.5)), kept.map(at(0.5))),
        row("p99 of an answer meanwhile", made.map(at(0.99)), kept.map(at(0.99))),
      ];
    } finally {
      await t.close();
    }
  },
};

/** One request after the other, at least one. */
async function asking(client: VriftClient, isOver: () => boolean): Promise<number[]> {
  const took: number[] = [];
  do {
    const begun = performance.now();
    if ((await client.get(KEY)) === null) throw new Error(`${KEY} is not there`);
    took.push(performance.now() - begun);
    await wait(ASK_EVERY_MS);
  } while (!isOver());
  return took;
}

const at =
  (share: number) =>
  ({ answers }: Opened): number => {
    const sorted = [...answers].sort((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
  };

function row(what: string, ours: readonly number[], theirs: readonly number[]): BenchRow {
  const ratio = spread(ours.map((value, i) => theirs[i]! / value));
  return { what, unit: "ms", ours: spread(ours), theirs: spread(theirs), ratio };
}
