/**
 * Memory of a project's process (RssAnon: the index and LMDB's pages are the kernel's) with a million virtual entries, against
 * one with none: after they were adopted, and of a successor that has only opened them.
 */
import { setTimeout as wait } from "node:timers/promises";
import { workspacePaths } from "../src/platform/paths.js";
import { ownerOf } from "../src/workspace/owner-lock.js";
import { DaemonFixture } from "../test/daemon-fixture.js";
import type { BenchCase, BenchRow } from "./case.js";
import { adoptMany } from "./many-entries.js";
import { spread } from "./statistics.js";
import { processorSeconds, rssAnon } from "./wire-sides.js";

export const memory: BenchCase = {
  name: "memory",
  summary: "a project's process with a million entries against one with none",
  async run(context) {
    const t = new DaemonFixture();
    try {
      const vriftd = await t.start();
      const control = await t.control();
      const { workspace } = await control.call("open", { root: t.root, phantom: true });
      const { lock, control: socket } = workspacePaths(t.home, workspace.id);
      const empty = rssAnon(ownerOf(lock)!);
      context.note(`vriftd ${rssAnon(vriftd.pid!)} KiB, vdir_d of an empty workspace ${empty} KiB`);
      const entries = await adoptMany(context, t, socket);
      await settled(lock);
      const adopted = rssAnon(ownerOf(lock)!);
      process.kill(ownerOf(lock)!, "SIGTERM");
      while (ownerOf(lock) !== undefined) await wait(10);
      const again = await control.call("open", { root: t.root });
      if (again.workspace.entries < entries)
        throw new Error(`${again.workspace.entries} of ${entries} entries`);
      const opened = rssAnon(ownerOf(lock)!);
      return [
        row(`vdir_d after ${entries} entries were adopted`, adopted, empty),
        row(`vdir_d that has opened ${entries} entries`, opened, empty),
      ];
    } finally {
      await t.close();
    }
  },
};

/** Until the process has stopped working on what it was given. */
async function settled(lock: string): Promise<void> {
  const pid = ownerOf(lock)!;
  for (let before = -1; ; await wait(500)) {
    const now = processorSeconds(pid);
    if (now - before < 0.05) return;
    before = now;
  }
}

function row(what: string, ours: number, theirs: number): BenchRow {
  const ratio = spread([theirs / ours]);
  return { what, unit: "KiB", ours: spread([ours]), theirs: spread([theirs]), ratio };
}
