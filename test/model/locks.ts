/**
 * Locks of one project, taken and given back by many connections while processes are killed. What is claimed: nobody has a lock
 * beside somebody whom it excludes, a wait ends once nobody is in the way, and LOCK_NB refuses only where somebody is.
 */
import { setTimeout as wait } from "node:timers/promises";
import { LOCK_EX, LOCK_NB, LOCK_SH } from "../../src/daemon/flock-table.js";
import type { RawConnection } from "../daemon-fixture.js";
import type { Random } from "../store/random.js";

const NAMES = 4;
/** Milliseconds that a lock is held at most. */
const HELD_MS = 4;
/** A connection that was cut is believed to be in the way for so long: the daemon has to notice. */
const GHOST_MS = 10_000;
/** A wait that takes longer never ends. */
const HANG_MS = 120_000;

type Mode = typeof LOCK_SH | typeof LOCK_EX;

interface Holder {
  readonly by: LockUser;
  readonly mode: Mode;
  /** Nothing has died that would have taken the lock away. */
  readonly isSure: () => boolean;
}

/** What is known of a project's locks. */
export class LockModel {
  readonly failures: string[] = [];
  granted = 0;
  refused = 0;
  readonly #holders = new Map<string, Set<Holder>>();
  /** Who has asked and not given back, and until when that counts. */
  readonly #interest = new Map<string, Map<object, number>>();
  #asked = 0;

  /** How often anybody has asked so far, this time included. */
  asks(by: LockUser, name: string): number {
    const all = this.#interest.get(name) ?? new Map<object, number>();
    this.#interest.set(name, all.set(by, Infinity));
    return ++this.#asked;
  }

  /** It was told that it has the lock. */
  has(holder: Holder, name: string): void {
    this.granted++;
    const all = this.#holders.get(name) ?? new Set();
    this.#holders.set(name, all);
    for (const other of all) {
      if (!other.isSure()) all.delete(other);
      else if (other.by !== holder.by && (other.mode === LOCK_EX || holder.mode === LOCK_EX))
        this.failures.push(`${name}: ${told(holder)} while ${told(other)}`);
    }
    all.add(holder);
  }

  /** LOCK_NB was refused. `asked`: what `asks` said; `others`: whether anybody else was interested then. */
  refuses(by: LockUser, name: string, asked: number, others: boolean): void {
    this.refused++;
    if (!others && asked === this.#asked && !this.others(by, name))
      this.failures.push(`${name}: refused to ${by.name}, and nobody is in the way`);
  }

  others(by: LockUser, name: string): boolean {
    const now = performance.now();
    return [...(this.#interest.get(name) ?? [])].some(([one, until]) => one !== by && until > now);
  }

  /** It is about to give it back, or may have lost it. */
  drops(by: LockUser, name: string): void {
    const all = this.#holders.get(name);
    for (const one of all ?? []) if (one.by === by) all!.delete(one);
  }

  isFree(by: LockUser, name: string): void {
    this.#interest.get(name)?.delete(by);
  }

  /** Its connection ended, and what that had is in the way a little longer. */
  wasCut(by: LockUser): void {
    for (const name of this.#holders.keys()) this.drops(by, name);
    for (const all of this.#interest.values()) if (all.delete(by)) all.set({}, performance.now() + GHOST_MS);
  }
}

const told = ({ by, mode }: Holder): string => `${by.name} has it ${mode === LOCK_EX ? "alone" : "shared"}`;

/** One connection after the other, each with locks of its own. */
export class LockUser {
  readonly name: string;
  readonly #connect: () => Promise<RawConnection>;
  readonly #model: LockModel;
  readonly #random: Random;
  readonly #life: () => () => boolean;
  #wasCut = false;

  /** @param life whether the processes that the connection needs have lived since the call. */
  constructor(
    name: string,
    connect: () => Promise<RawConnection>,
    model: LockModel,
    random: Random,
    life: () => () => boolean,
  ) {
    this.name = name;
    this.#connect = connect;
    this.#model = model;
    this.#random = random;
    this.#life = life;
  }

  async run(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      const raw = await this.#connect().catch(() => undefined);
      // Nobody is there any more, and it is over.
      if (raw === undefined) return;
      this.#wasCut = false;
      while (!isOver() && !this.#wasCut) await this.#use(raw);
      // Now and then with a lock.
      this.#model.wasCut(this);
      raw.close();
    }
  }

  async #use(raw: RawConnection): Promise<void> {
    const random = this.#random;
    const name = `lock${random.below(NAMES)}`;
    await this.#acquire(raw, name, random.once(3) ? LOCK_EX : LOCK_SH);
    // A conversion.
    if (!this.#wasCut && random.once(4)) await this.#acquire(raw, name, random.once(2) ? LOCK_EX : LOCK_SH);
    if (this.#wasCut) return;
    await wait(random.below(HELD_MS));
    if (random.once(20)) {
      this.#wasCut = true;
      return;
    }
    this.#model.drops(this, name);
    const reply = await this.#ask(raw, { type: "FlockRelease", path: name });
    if (reply === "FlockAck") this.#model.isFree(this, name);
  }

  async #acquire(raw: RawConnection, name: string, mode: Mode): Promise<void> {
    const nonBlocking = this.#random.once(3);
    const others = this.#model.others(this, name);
    const asked = this.#model.asks(this, name);
    // A conversion that has to wait, or may not, has given the old one up.
    this.#model.drops(this, name);
    const isSure = this.#life();
    const operation = nonBlocking ? mode | LOCK_NB : mode;
    const reply = await this.#ask(raw, { type: "FlockAcquire", path: name, operation });
    if (reply === "FlockAck") this.#model.has({ by: this, mode, isSure }, name);
    else if (reply === "EWOULDBLOCK") this.#model.refuses(this, name, asked, others);
  }

  /** The type of the reply, or its code; when the connection ends, `#wasCut`. */
  async #ask(raw: RawConnection, request: Parameters<RawConnection["call"]>[0]): Promise<string | undefined> {
    const late = new AbortController();
    const hang = wait(HANG_MS, "hangs" as const, { signal: late.signal, ref: false });
    hang.catch(() => undefined);
    const reply = await Promise.race([raw.call(request).catch(() => undefined), hang]);
    late.abort();
    if (reply === "hangs") this.#model.failures.push(`${this.name}: no answer to ${JSON.stringify(request)}`);
    else if (reply?.type === "Error") {
      const code = reply.message.split(":")[0]!;
      if (code === "EWOULDBLOCK") return code;
      // The project's process died, or is not there yet; the connection itself may live.
      if (code !== "ECONNRESET" && code !== "VRIFT_NO_DAEMON")
        this.#model.failures.push(`${this.name}: ${reply.message}`);
    } else if (reply !== undefined) return reply.type;
    this.#wasCut = true;
    return undefined;
  }
}
