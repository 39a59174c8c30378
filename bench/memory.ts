/**
 * Memory of a project's process (RssAnon: the index and LMDB's pages are the kernel's) with a million virtual entries, against
 * one with none: after they were adopted, and of a successor that has only opened them.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { connectProjectControl } from "../src/client/control-client.js";
import { hashToHex } from "../src/platform/hash.js";
import { workspacePaths } from "../src/platform/paths.js";
import { openStore } from "../src/store/content-store.js";
import { ownerOf } from "../src/workspace/owner-lock.js";
import { DaemonFixture } from "../test/daemon-fixture.js";
import type { BenchCase, BenchContext, BenchRow } from "./case.js";
import { spread } from "./statistics.js";
import { processorSeconds, rssAnon } from "./wire-sides.js";

const ENTRIES = 1_000_000;
const TOY_ENTRIES = 2_000;
const DIRECTORY = 1_000;
/** Entries of one request. */
const BATCH = 4_000;

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
      const entries = await adopt(context, t, socket);
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

/** How many. */
async function adopt(context: BenchContext, t: DaemonFixture, socket: string): Promise<number> {
  const store = await openStore(t.home.source);
  const lease = store.lease();
  const project = await connectProjectControl(socket);
  try {
    const { hash, size } = await store.importBytes(Buffer.from("content"), lease);
    const facts = { hash: hashToHex(hash), size: `${size}`, mtimeNs: "1700000000000000000", mode: 0o644, blocks: 8 }; // prettier-ignore
    const count = context.toy ? TOY_ENTRIES : ENTRIES;
    for (let i = 0; i < count; i += DIRECTORY) mkdirSync(join(t.root, `directory-${i / DIRECTORY}`));
    await project.call("sync", { durable: false });
    for (let from = 0; from < count; from += BATCH) {
      const entries = Array.from({ length: Math.min(BATCH, count - from) }, (_, i) => {
        const at = from + i;
        return { ...facts, path: `directory-${Math.floor(at / DIRECTORY)}/a file with a name ${at}` };
      });
      const { refused } = await project.call("adopt", { entries, as: "virtual" });
      if (refused.length > 0) throw new Error(`refused: ${JSON.stringify(refused[0])}`);
    }
    await project.call("sync", { durable: true });
    return count;
  } finally {
    project.close();
    lease.release();
    store.close();
  }
}

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
