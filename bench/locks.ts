/**
 * How long a lock is nobody's when it goes from one connection to the next: from the release that is sent to the answer of who
 * waits for it, against a round trip of the same client on the same socket. Both are of this process: its own time is in both.
 */
import { once } from "node:events";
import { connect } from "node:net";
import { LOCK_EX } from "../src/daemon/flock-table.js";
import { workspacePaths } from "../src/platform/paths.js";
import { DaemonFixture, RawConnection } from "../test/daemon-fixture.js";
import type { BenchCase, BenchContext, BenchRow } from "./case.js";
import { spread } from "./statistics.js";

const ROUNDS = 15;
const EACH = 400;
const QUEUE = 100;
const PATH = "lock";

export const locks: BenchCase = {
  name: "locks",
  summary: "a lock that goes from one connection to the next, against a round trip",
  async run(context) {
    const t = new DaemonFixture();
    const open: RawConnection[] = [];
    const connected = async (path: string): Promise<RawConnection> => {
      const socket = connect({ path });
      await once(socket, "connect");
      const raw = new RawConnection(socket);
      open.push(raw);
      await raw.call({ type: "RegisterWorkspace", project_root: t.root });
      return raw;
    };
    try {
      await t.start();
      const id = await t.client().register(t.root);
      const sockets = [
        ["on the project's socket", workspacePaths(t.home, id).socket],
        ["through vriftd", t.home.daemonSocket],
      ] as const;
      const rows: BenchRow[] = [];
      for (const [where, path] of sockets) {
        rows.push(await handOver(context, where, await connected(path), await connected(path)));
        const queue = await Promise.all(
          Array.from({ length: context.toy ? 5 : QUEUE }, () => connected(path)),
        );
        rows.push(await throughQueue(context, where, queue));
      }
      return rows;
    } finally {
      for (const one of open) one.close();
      await t.close();
    }
  },
};

async function handOver(
  { toy }: BenchContext,
  where: string,
  first: RawConnection,
  second: RawConnection,
): Promise<BenchRow> {
  const ours: number[] = [];
  const theirs: number[] = [];
  let [holder, waiter] = [first, second];
  await acquire(holder);
  for (let round = 0; round < (toy ? 1 : ROUNDS); round++) {
    const times: { readonly over: number[]; readonly trip: number[] } = { over: [], trip: [] };
    for (let i = 0; i < (toy ? 20 : EACH); i++) {
      const granted = acquire(waiter);
      // A round trip behind it: it is in the queue.
      times.trip.push(await roundTrip(holder));
      const begin = performance.now();
      holder.send({ type: "FlockRelease", path: PATH });
      await granted;
      times.over.push(performance.now() - begin);
      await holder.reply();
      [holder, waiter] = [waiter, holder];
    }
    ours.push(median(times.over));
    theirs.push(median(times.trip));
  }
  await holder.call({ type: "FlockRelease", path: PATH });
  return row(`a lock handed over ${where}`, ours, theirs);
}

/** Everybody waits for it, has it, and gives it back at once. */
async function throughQueue(
  { toy }: BenchContext,
  where: string,
  queue: readonly RawConnection[],
): Promise<BenchRow> {
  const ours: number[] = [];
  const theirs: number[] = [];
  const [first, ...rest] = queue as [RawConnection, ...RawConnection[]];
  for (let round = 0; round < (toy ? 1 : ROUNDS); round++) {
    await acquire(first);
    const waiting = rest.map(async (one) => {
      await acquire(one);
      await one.call({ type: "FlockRelease", path: PATH });
    });
    const trips: number[] = [];
    for (let i = 0; i < 20; i++) trips.push(await roundTrip(first));
    const begin = performance.now();
    await first.call({ type: "FlockRelease", path: PATH });
    await Promise.all(waiting);
    ours.push((performance.now() - begin) / rest.length);
    theirs.push(median(trips));
  }
  return row(`each of ${rest.length} who wait for one lock ${where}`, ours, theirs);
}

async function acquire(raw: RawConnection): Promise<void> {
  const reply = await raw.call({ type: "FlockAcquire", path: PATH, operation: LOCK_EX });
  if (reply?.type !== "FlockAck") throw new Error(JSON.stringify(reply));
}

async function roundTrip(raw: RawConnection): Promise<number> {
  const begin = performance.now();
  await raw.call({ type: "ManifestGet", path: "absent" });
  return performance.now() - begin;
}

function median(values: readonly number[]): number {
  return spread(values).median;
}

function row(what: string, ours: readonly number[], theirs: readonly number[]): BenchRow {
  const us = (all: readonly number[]): number[] => all.map((ms) => ms * 1000);
  const ratio = spread(ours.map((value, i) => theirs[i]! / value));
  return { what, unit: "us", ours: spread(us(ours)), theirs: spread(us(theirs)), ratio };
}
