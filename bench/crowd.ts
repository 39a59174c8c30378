/**
 * What idle connections cost: resident memory (RssAnon) of vriftd and of a project's process, for connections that have registered, and for those that
 * have also asked the project something, which gives each one to it.
 */
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { workspacePaths } from "../src/platform/paths.js";
import { ownerOf } from "../src/workspace/owner-lock.js";
import { DaemonFixture, RawConnection } from "../test/daemon-fixture.js";
import type { BenchCase, BenchContext, BenchRow } from "./case.js";
import { spread } from "./statistics.js";
import { rssAnon } from "./wire-sides.js";

/** Per connection: what was promised. */
export const IDLE_KIB_MAX = 32;
const CONNECTIONS = 10_000;
const GIVEN_MAX = 4_000;
const TOY_CONNECTIONS = 1_000;
const AT_ONCE = 50;

export const crowd: BenchCase = {
  name: "crowd",
  summary: `KiB of a process for each idle connection, against ${IDLE_KIB_MAX}`,
  async run(context) {
    const t = new DaemonFixture({ VRIFT_IDLE_SECONDS: "600" });
    const open: RawConnection[] = [];
    try {
      return await run(t, open, context);
    } finally {
      for (const one of open) one.close();
      await t.close();
    }
  },
};

async function run(t: DaemonFixture, open: RawConnection[], context: BenchContext): Promise<BenchRow[]> {
  const vriftd = (await t.start()).pid!;
  const id = await t.client().register(t.root);
  const vdir = ownerOf(workspacePaths(t.home, id).lock)!;
  const count = context.toy ? TOY_CONNECTIONS : CONNECTIONS;
  // Pools and code that the first ones need.
  await crowdOf(t, open, 100, true);
  const rows: BenchRow[] = [];
  const cost = async (what: string, pid: number, make: () => Promise<void>, of = count): Promise<void> => {
    const before = await settled(pid);
    await make();
    const kib = ((await settled(pid)) - before) / of;
    context.note(`${what}: ${kib.toFixed(1)} KiB`);
    rows.push(row(what, kib));
  };
  if (!context.toy) {
    await cost("registered with vriftd", vriftd, () => crowdOf(t, open, count, false));
    for (const one of open.splice(0)) one.close();
    await wait(500);
  }
  // Given to a project each has two descriptors in vriftd.
  const given = Math.min(count, GIVEN_MAX);
  const before = await settled(vdir);
  await cost("vriftd, of those given to a project", vriftd, () => crowdOf(t, open, given, true), given);
  const kib = ((await settled(vdir)) - before) / given;
  context.note(`vdir_d: ${kib.toFixed(1)} KiB`);
  rows.push(row("the project's process, of those given to it", kib));
  return rows;
}

/** @param ask a change that only the project can answer. */
async function crowdOf(t: DaemonFixture, open: RawConnection[], count: number, ask: boolean): Promise<void> {
  for (let made = 0; made < count; made += AT_ONCE)
    await Promise.all(
      Array.from({ length: Math.min(AT_ONCE, count - made) }, async () => {
        const socket = connect({ path: t.home.daemonSocket });
        await once(socket, "connect");
        const raw = new RawConnection(socket);
        open.push(raw);
        const ack = await raw.call({ type: "RegisterWorkspace", project_root: t.root });
        if (ack?.type !== "RegisterAck") throw new Error(`connection ${open.length}: ${JSON.stringify(ack)}`);
        if (ask) await raw.call({ type: "ManifestRemove", path: "never" });
      }),
    );
}

/** KiB, when it does not change any more: what is dead is collected some time. */
async function settled(pid: number): Promise<number> {
  let least = rssAnon(pid);
  for (let same = 0; same < 3; same++) {
    await wait(100);
    const now = rssAnon(pid);
    if (now < least) same = 0;
    least = Math.min(least, now);
  }
  return least;
}

function row(what: string, kib: number): BenchRow {
  return {
    what,
    unit: "KiB",
    ours: spread([kib]),
    theirs: spread([IDLE_KIB_MAX]),
    ratio: spread([IDLE_KIB_MAX / Math.max(kib, 0.1)]),
  };
}
