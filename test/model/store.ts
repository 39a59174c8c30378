/**
 * The model of the content store: what somebody names is there, with its bytes; what nobody names is there until a sweep whose
 * filter does not name it, and gone after it. Blobs are imported as the commands do it, by this process.
 */
import { randomBytes } from "node:crypto";
import { hashBytes, hashToHex } from "../../src/platform/hash.js";
import type { VeloRequest } from "../../src/protocol/messages.js";
import { buildSweepFilter, readSweepFilter } from "../../src/protocol/sweep-filter.js";
import type { ContentStore, Lease } from "../../src/store/store.js";
import type { Random } from "../store/random.js";
import type { Outcome } from "./line.js";

/** A blob nobody names. */
interface Orphan {
  readonly hash: Uint8Array;
  readonly size: bigint;
  /** No sweep that does not name it was begun. */
  certain: boolean;
  /** A sweep that does not name it has ended. */
  gone: boolean;
  /** Lookups begun, and those under way: one beside a sweep may take it back. */
  lookups: number;
  looking: number;
}

/** So long a sweep that nobody answered may go on, at most. */
const LOST_SWEEP_MS = 20_000;

type Ask = (request: VeloRequest) => Promise<Outcome>;

export class StoreModel {
  readonly #store: ContentStore;
  readonly #orphans: Orphan[] = [];
  readonly failures: string[] = [];
  sweeps = 0;
  deleted = 0;
  orphansChecked = 0;
  #sweeping = 0;
  #lostUntil = 0;

  constructor(store: ContentStore) {
    this.#store = store;
  }

  /** The text is in the store until the lease ends. */
  async put(text: string): Promise<{ hash: Uint8Array; size: bigint; lease: Lease }> {
    const lease = this.#store.lease();
    const { hash, size } = await this.#store.importBytes(Buffer.from(text), lease);
    return { hash: new Uint8Array(hash), size, lease };
  }

  /** The bytes are the text's. */
  async holds(text: string): Promise<boolean> {
    const hash = hashBytes(Buffer.from(text));
    const bytes = await this.#store.readBlob({ hash, size: BigInt(text.length) }).catch(() => undefined);
    return bytes !== undefined && bytes.toString() === text;
  }

  async step(ask: Ask, random: Random): Promise<void> {
    const chance = random.below(10);
    if (chance < 4) await this.#addOrphan();
    else if (chance < 8) await this.#lookAtOrphan(ask, random);
    else await this.#sweep(ask, random);
  }

  async #addOrphan(): Promise<void> {
    const bytes = randomBytes(24);
    const lease = this.#store.lease();
    const { hash, size } = await this.#store.importBytes(bytes, lease);
    // From the moment nobody names it.
    const certain = this.#sweeping === 0 && performance.now() > this.#lostUntil;
    const orphan = { hash: new Uint8Array(hash), size, certain, gone: false, lookups: 0, looking: 0 };
    lease.release();
    this.#orphans.push(orphan);
    if (this.#orphans.length > 200) this.#orphans.splice(0, 100);
  }

  async #lookAtOrphan(ask: Ask, random: Random): Promise<void> {
    const orphan = this.#orphans[random.below(Math.max(1, this.#orphans.length))];
    if (orphan === undefined) return;
    const { gone } = orphan;
    orphan.lookups++;
    orphan.looking++;
    const outcome = await ask({ type: "CasGet", hash: orphan.hash });
    orphan.looking--;
    if ("lost" in outcome) return;
    const found = "reply" in outcome ? outcome.reply : undefined;
    const isThere = found?.type === "CasFound" && found.size === orphan.size;
    this.orphansChecked++;
    if (!isThere && found?.type !== "CasNotFound")
      this.failures.push(`CasGet says ${JSON.stringify(outcome)}`);
    if (isThere && gone) this.failures.push(`${hashToHex(orphan.hash)} is there after a sweep`);
    if (!isThere && orphan.certain)
      this.failures.push(`${hashToHex(orphan.hash)} is gone, and no sweep has taken it`);
  }

  async #sweep(ask: Ask, random: Random): Promise<void> {
    const kept = this.#orphans.filter(() => random.once(2)).map(({ hash }) => hash);
    const bytes = random.once(3) ? new Uint8Array(0) : buildSweepFilter(kept);
    const filter = readSweepFilter(bytes);
    const unnamed = this.#orphans.filter(({ hash }) => !filter.has(hash));
    const lookups = unnamed.map(({ lookups, looking }) => (looking === 0 ? lookups : -1));
    for (const orphan of unnamed) orphan.certain = false;
    this.#sweeping++;
    const outcome = await ask({ type: "CasSweep", bloom_filter: bytes });
    this.#sweeping--;
    if ("lost" in outcome) {
      this.#lostUntil = performance.now() + LOST_SWEEP_MS;
      return;
    }
    if ("error" in outcome) {
      // Another one runs.
      if (outcome.error !== "EBUSY") this.failures.push(`CasSweep: ${outcome.error}: ${outcome.message}`);
      return;
    }
    if (outcome.reply.type !== "CasSweepAck") this.failures.push(`CasSweep says ${outcome.reply.type}`);
    else this.deleted += outcome.reply.deleted_count;
    this.sweeps++;
    for (const [i, orphan] of unnamed.entries()) if (orphan.lookups === lookups[i]) orphan.gone = true;
  }
}
