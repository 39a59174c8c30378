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
const GIVEN = 4_000;
const TOY_CONNECTIONS = 1_000;
const AT_ONCE = 50;
/** Pools and code that the first ones need. */
const WARM = 100;

export const crowd: BenchCase = {
  name: "crowd",
  summary: `KiB of a process for each idle connection, against ${IDLE_KIB_MAX}`,
  async run(context) {
    const rows = context.toy ? [] : await inNewHome((t, open) => registered(t, open, context));
    return [...rows, ...(await inNewHome((t, open) => given(t, open, context)))];
  },
};

/** Memory that others have left behind would hide what these need. */
async function inNewHome<T>(run: (t: DaemonFixture, open: RawConnection[]) => Promise<T>): Promise<T> {
  const t = new DaemonFixture({ VRIFT_IDLE_SECONDS: "600" });
  const open: RawConnection[] = [];
  try {
    return await run(t, open);
  } finally {
    for (const one of open) one.close();
    await t.close();
  }
}

async function registered(
  t: DaemonFixture,
  open: RawConnection[],
  context: BenchContext,
): Promise<BenchRow[]> {
  const vriftd = (await t.start()).pid!;
  await crowdOf(t, open, WARM, false);
  const before = await settled(vriftd);
  await crowdOf(t, open, CONNECTIONS, false);
  return [
    row("vriftd, of those that have registered", (await settled(vriftd)) - before, CONNECTIONS, context),
  ];
}

/** Each of these has two descriptors in vriftd. */
async function given(t: DaemonFixture, open: RawConnection[], context: BenchContext): Promise<BenchRow[]> {
  const count = context.toy ? TOY_CONNECTIONS : GIVEN;
  const vriftd = (await t.start()).pid!;
  const id = await t.client().register(t.root);
  const vdir = ownerOf(workspacePaths(t.home, id).lock)!;
  await crowdOf(t, open, WARM, true);
  const before = [await settled(vriftd), await settled(vdir)] as const;
  await crowdOf(t, open, count, true);
  return [
    row("vriftd, of those given to a project", (await settled(vriftd)) - before[0], count, context),
    row("the project's process, of those given to it", (await settled(vdir)) - before[1], count, context),
  ];
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

function row(what: string, grownKib: number, connections: number, context: BenchContext): BenchRow {
  const kib = grownKib / connections;
  context.note(`${what}: ${kib.toFixed(1)} KiB, ${connections} connections`);
  const ratio = spread([IDLE_KIB_MAX / kib]);
  return { what, unit: "KiB", ours: spread([kib]), theirs: spread([IDLE_KIB_MAX]), ratio };
}
