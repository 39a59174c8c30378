/**
 * What a sweep would find: who names what, and what nobody does. Kept are hash, size and holder of each blob, however many
 * lists name it; of the lists nothing but sums.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { type StoreLayout, blobFile, holdsContent } from "./blob-names.js";
import { statFile } from "./blobs.js";
import { HashSet } from "./hash-set.js";
import { LeaseReader } from "./leases.js";
import { blobsIn } from "./list-blobs.js";
import { RootsReader } from "./roots-reader.js";
import { damagedRoots } from "./roots.js";
import type { Amount, Census, ContentHash, SweepOptions } from "./store.js";
import { ageMs, isOver } from "./swept-blob.js";
import { Turns } from "./turns.js";

/** Numbers of lists begin after these. */
const NOBODY = 0;
const SEVERAL = 1;
const FIRST = 2;

class Sum implements Amount {
  blobs = 0;
  bytes = 0n;

  add(bytes: bigint, blobs = 1): void {
    this.blobs += blobs;
    this.bytes += bytes;
  }
}

class ListSum extends Sum {
  readonly name: string;
  readonly alone = new Sum();

  constructor(name: string) {
    super();
    this.name = name;
  }
}

export async function takeCensus(
  layout: StoreLayout,
  { graceMs, olderThanMs = 0 }: Pick<SweepOptions, "graceMs" | "olderThanMs">,
): Promise<Census> {
  const turns = new Turns();
  const { blobs, sizes } = await readBlobs(layout, turns);
  const leases = new LeaseReader(layout.leases);
  leases.refresh();
  const holders = new Uint32Array(blobs.places);
  const lists = await readLists(layout, { blobs, sizes }, holders, turns);

  const [all, garbage, young, leased] = [new Sum(), new Sum(), new Sum(), new Sum()];
  for (const hash of blobs) {
    const place = blobs.placeOf(hash);
    const [size, holder] = [BigInt(sizes[place]!), holders[place]!];
    all.add(size);
    if (holder === NOBODY) {
      const isYoung = (): boolean => olderThanMs > 0 && ageMs(blobFile(layout, { hash, size })) < olderThanMs;
      const sum = leases.hashes.has(hash) ? leased : isYoung() ? young : garbage;
      sum.add(size);
    } else if (holder >= FIRST) lists[holder - FIRST]!.alone.add(size);
    await turns.pause();
  }
  return { all, garbage, young, leased, lists, ...(await trash(layout, graceMs, turns)) };
}

interface Blobs {
  readonly blobs: HashSet;
  /** By place. */
  readonly sizes: Float64Array;
}

/** Read twice: the places are known when the last one is in. */
async function readBlobs(layout: StoreLayout, turns: Turns): Promise<Blobs> {
  const blobs = new HashSet();
  for await (const { hash } of blobsIn(layout, layout.blobs)) {
    blobs.add(hash);
    await turns.pause();
  }
  const sizes = new Float64Array(blobs.places);
  for await (const { hash, size } of blobsIn(layout, layout.blobs)) {
    const place = blobs.placeOf(hash);
    if (place >= 0) sizes[place] = Number(size);
    await turns.pause();
  }
  return { blobs, sizes };
}

/** Who names a blob; a list names a hash once. One that has ended meanwhile names nothing. */
async function readLists(
  layout: StoreLayout,
  { blobs, sizes }: Blobs,
  holders: Uint32Array,
  turns: Turns,
): Promise<ListSum[]> {
  const lists: ListSum[] = [];
  for (const name of namesOf(layout)) {
    const list = new ListSum(name);
    const number = FIRST + lists.length;
    const isRead = await readList(join(layout.roots, name), turns, (hash) => {
      const place = blobs.placeOf(hash);
      if (place < 0) return;
      list.add(BigInt(sizes[place]!));
      holders[place] = holders[place] === NOBODY ? number : SEVERAL;
    });
    if (isRead) lists.push(list);
  }
  return lists;
}

/** False: it is not there any more. */
async function readList(path: string, turns: Turns, add: (hash: ContentHash) => void): Promise<boolean> {
  const list = RootsReader.open(path);
  if (list === undefined) return false;
  try {
    await list.read({ add }, turns);
  } finally {
    list.close();
  }
  return true;
}

function namesOf({ roots }: StoreLayout): string[] {
  try {
    return readdirSync(roots).filter(holdsContent).sort();
  } catch (error) {
    throw damagedRoots(roots, "cannot be listed", error);
  }
}

async function trash(
  layout: StoreLayout,
  graceMs: number,
  turns: Turns,
): Promise<Pick<Census, "swept" | "over" | "quarantined">> {
  const [swept, over, quarantined] = [new Sum(), new Sum(), new Sum()];
  for await (const candidate of blobsIn(layout, layout.trash)) {
    (isOver(candidate, graceMs) ? over : swept).add(candidate.size);
    await turns.pause();
  }
  for (const name of readdirSync(layout.trash))
    if (name.endsWith(".bad")) quarantined.add(statFile(join(layout.trash, name))?.size ?? 0n);
  return { swept, over, quarantined };
}
