/**
 * A process of sweep-stress.ts. Arguments: store, name, kind, seed, scratch directory. It works until its standard input
 * ends, and prints a line for what others may rely on from then on:
 *
 *   + LIST HEX_SIZE…    acknowledged: the roots LIST name it
 *   - LIST              LIST is about to be removed
 *   = HEX_SIZE…         (claim) held by a lease until this process ends
 *   sweep DELETED       a sweep has ended
 *   LOST WHAT           something that had to be there was not
 *   idle                its input has ended
 */
import { closeSync, openSync, unlinkSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { VriftError } from "../../src/platform/errors.js";
import { hashBytes } from "../../src/platform/hash.js";
import { readSweepFilter } from "../../src/protocol/sweep-filter.js";
import { blobName, parseBlobName } from "../../src/store/blob-names.js";
import { openStore } from "../../src/store/content-store.js";
import type { BlobId, ContentStore, Lease, Roots } from "../../src/store/store.js";
import { Random } from "./random.js";

/** Contents that all processes share, so that the same blobs come and go in many hands. */
const SHARED = 120;
/** Of its own list a process checks so many after each round. */
const CHECKED = 3;

const [path, name, kind, seed, scratch] = process.argv.slice(2) as [string, string, string, string, string];
const random = new Random(Number(seed));
let ended = false;
process.stdin.on("end", () => (ended = true)).resume();

const say = (line: string): void => void writeSync(1, `${line}\n`);
const store: ContentStore = await openStore(path, { graceMs: 0 });
const relied = new Map<string, Set<string>>();

function someContent(): Buffer {
  const shared = !random.once(3);
  const text = shared ? `shared ${random.below(SHARED)} ` : `${name} ${seed} ${random.below(1e9)} `;
  const length = shared ? text.charCodeAt(7) * 40 : random.below(20_000);
  return Buffer.from(text.repeat(1 + Math.floor(length / text.length)));
}

async function importOne(lease: Lease): Promise<BlobId> {
  const bytes = someContent();
  if (random.once(2)) return await store.importBytes(bytes, lease);
  const file = join(scratch, `${name}.${process.pid}`);
  writeFileSync(file, bytes);
  const fd = openSync(file, "r");
  try {
    const { hash, size } =
      (kind === "link" ? await linked(fd, file, lease) : undefined) ??
      (await store.importFile(fd, file, "copy", lease));
    unlinkSync(file);
    store.sealBlob({ hash, size });
    return { hash, size };
  } finally {
    closeSync(fd);
  }
}

/** undefined: another process has linked that content and not let its file go yet. */
async function linked(fd: number, file: string, lease: Lease): Promise<BlobId | undefined> {
  try {
    return await store.importFile(fd, file, "link", lease);
  } catch (error) {
    if (error instanceof VriftError && error.code === "EBUSY") return undefined;
    throw error;
  }
}

async function assertThere(id: BlobId, what: string): Promise<void> {
  try {
    if (store.statBlob(id) !== undefined && hashBytes(await store.readBlob(id)).equals(id.hash)) return;
    say(`LOST ${what} ${blobName(id)}`);
  } catch (error) {
    say(`LOST ${what} ${blobName(id)} ${String(error)}`);
  }
}

function acknowledge(list: string, ids: readonly BlobId[]): void {
  if (ids.length === 0) return;
  say(`+ ${list} ${ids.map(blobName).join(" ")}`);
  const names = relied.get(list) ?? new Set();
  relied.set(list, names);
  for (const id of ids) names.add(blobName(id));
}

async function checkSome(): Promise<void> {
  const all = [...relied].flatMap(([list, names]) => [...names].map((blob) => [list, blob] as const));
  for (let i = 0; i < CHECKED && all.length > 0; i++) {
    const [list, blob] = all[random.below(all.length)]!;
    await assertThere(parseBlobName(blob)!, list);
  }
}

async function forget(list: string, roots: Roots): Promise<void> {
  say(`- ${list}`);
  relied.delete(list);
  await roots.remove();
}

/** A batch under a lease, as phantom, ingest and reingest work. */
async function importRound(roots: Roots): Promise<void> {
  const lease = store.lease();
  const ids: BlobId[] = [];
  for (let count = 1 + random.below(12); count > 0; count--) {
    ids.push(await importOne(lease));
    if (random.once(3)) await wait(random.below(10));
  }
  for (const id of ids) await assertThere(id, "leased");
  await roots.add(ids.map(({ hash }) => hash));
  lease.release();
  acknowledge(name, ids);
}

/** Entries end, and the list is rewritten while others begin. */
async function tidyRound(roots: Roots): Promise<void> {
  const kept = [...(relied.get(name) ?? [])].filter(() => random.once(2));
  say(`- ${name}`);
  relied.delete(name);
  async function addBeside(): Promise<void> {
    await wait(random.below(3));
    await importRound(roots);
  }
  const adding = addBeside();
  await roots.replace(slowly(kept.map((blob) => parseBlobName(blob)!.hash)));
  acknowledge(
    name,
    kept.map((blob) => parseBlobName(blob)!),
  );
  await adding;
}

function* slowly(hashes: readonly Uint8Array[]): Generator<Uint8Array> {
  for (const hash of hashes) {
    if (random.once(4)) for (const until = performance.now() + 4; performance.now() < until;);
    yield hash;
  }
}

/** CasInsert and ManifestUpsert; or an upsert alone, of content that happens to be there. */
async function claimRound(roots: Roots, lease: Lease): Promise<void> {
  const bytes = someContent();
  const id = { hash: hashBytes(bytes), size: BigInt(bytes.length) };
  if (random.once(2)) {
    if (store.statBlob(id) === undefined) return;
  } else {
    await store.importBytes(bytes, lease); // the client has put it there
    await store.verifyBlob(id);
    say(`= ${blobName(id)}`);
    if (random.once(3)) return;
  }
  await roots.add([id.hash]);
  if (store.statBlob(id) !== undefined) acknowledge(name, [id]);
}

/** What a workspace named, a snapshot names; then the workspace ends. */
async function snapshotRound(number: number): Promise<void> {
  const list = `${name}.${process.pid}.${number}`;
  const roots = await store.roots(list);
  const lease = store.lease();
  const ids: BlobId[] = [];
  for (let count = 1 + random.below(8); count > 0; count--) ids.push(await importOne(lease));
  await roots.add(ids.map(({ hash }) => hash));
  lease.release();
  acknowledge(list, ids);
  const snapshot = await store.roots(`${list}.snapshot`);
  await snapshot.replace(ids.map(({ hash }) => hash));
  acknowledge(`${list}.snapshot`, ids);
  snapshot.close();
  await forget(list, roots);
  const older = [...relied.keys()][0]!;
  if (relied.size > 5) await forget(older, await store.roots(older));
}

async function sweepRound(): Promise<void> {
  try {
    const { deletedCount } = await store.sweep(readSweepFilter(new Uint8Array(0)));
    say(`sweep ${deletedCount}`);
  } catch (error) {
    if (!(error instanceof VriftError && error.code === "EBUSY")) throw error;
    await wait(2);
  }
}

async function work(): Promise<void> {
  let roots = kind === "sweep" || kind === "snapshot" ? undefined : await store.roots(name);
  const claims = store.lease();
  for (let round = 1; !ended; round++) {
    if (roots === undefined) await (kind === "sweep" ? sweepRound() : snapshotRound(round));
    else await (kind === "claim" ? claimRound(roots, claims) : importRound(roots));
    if (roots !== undefined && random.once(8)) await tidyRound(roots);
    if (kind !== "sweep") await checkSome();
    if (roots !== undefined && kind !== "claim" && random.once(12)) {
      await forget(name, roots);
      roots = await store.roots(name);
    }
    await wait(random.below(4));
  }
  if (kind === "claim")
    setInterval(() => undefined, 60_000); // its lease is looked at
  else claims.release();
}

await work();
say("idle");
