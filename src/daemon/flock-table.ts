/**
 * flock(2) for wire clients: which connections hold and await the locks of one project. A lock is a name (a key), whether or
 * not a file has it; programs' own flock(2) and fcntl(2) locks are the kernel's and do not meet these.
 *
 * Semantics are the kernel's, conversions included: one that has to wait, or may not, gives the lock up that it had. Two
 * things differ. Who comes waits behind those who wait already, in order (shared ones next to each other enter together), so
 * that neither writers nor readers starve; LOCK_NB is refused, then, too. And a conversion that meets nobody is made at once.
 */
import { VriftError } from "../platform/errors.js";
import { FLOCKS_MAX } from "../platform/limits.js";

export const LOCK_SH = 1;
export const LOCK_EX = 2;
export const LOCK_NB = 4;
export const LOCK_UN = 8;

type Mode = typeof LOCK_SH | typeof LOCK_EX;

interface Waiter {
  readonly owner: FlockOwner;
  readonly key: string;
  readonly mode: Mode;
  /** Order of arrival in the project, kept over hand-overs. */
  readonly ticket: number;
  granted: () => void;
  refused: (error: VriftError) => void;
}

interface Lock {
  readonly holders: Set<FlockOwner>;
  /** Of all holders; of none while there are none. */
  mode: Mode | undefined;
  /** By ticket. */
  readonly queue: Set<Waiter>;
}

/** What a connection has come to, for the process that goes on with it. */
export interface CarriedFlocks {
  readonly held: readonly (readonly [key: string, mode: number])[];
  readonly waits?: { readonly key: string; readonly mode: number; readonly ticket: number } | undefined;
}

export class FlockTable {
  readonly #locks = new Map<string, Lock>();
  #ticket = 0;

  /** For one connection. */
  owner(): FlockOwner {
    return new FlockOwner(this);
  }

  /** Owners that go on as they were in the process before, in the order given; before anybody else asks. */
  resume(carried: readonly (CarriedFlocks | undefined)[]): FlockOwner[] {
    const owners = carried.map(() => this.owner());
    for (const [i, flocks] of carried.entries())
      for (const [key, mode] of flocks?.held ?? [])
        this.#enter(this.#lock(key), owners[i]!, key, modeOf(mode));
    const waits = carried.flatMap((flocks, i) =>
      flocks?.waits ? [{ ...flocks.waits, owner: owners[i]! }] : [],
    );
    for (const { owner, key, mode, ticket } of waits.sort((a, b) => a.ticket - b.ticket)) {
      this.#ticket = Math.max(this.#ticket, ticket);
      this.#enqueue({ owner, key, mode: modeOf(mode), ticket, granted: ignore, refused: ignore });
    }
    for (const { key } of waits) this.#admit(key);
    return owners;
  }

  /** Names that are locked or waited for. */
  get size(): number {
    return this.#locks.size;
  }

  /** @internal At once, or when it is granted. */
  acquire(owner: FlockOwner, key: string, mode: Mode, block: boolean): Promise<void> | undefined {
    const lock = this.#lock(key);
    const isConversion = lock.holders.has(owner);
    if (isConversion && lock.mode === mode) return undefined;
    const isFree = mayEnter(lock, mode, owner);
    if (isFree && (isConversion || lock.queue.size === 0)) {
      this.#enter(lock, owner, key, mode);
      // A writer that becomes a reader lets readers in.
      this.#admit(key);
      return undefined;
    }
    if (isConversion) this.release(owner, key);
    if (!block) {
      this.#forget(key);
      throw new VriftError("EWOULDBLOCK", `${JSON.stringify(key)} is locked`);
    }
    return new Promise((granted, refused) => {
      this.#enqueue({ owner, key, mode, ticket: ++this.#ticket, granted, refused });
      // What was given up may have been all that stood in the way.
      this.#admit(key);
    });
  }

  /** @internal */
  release(owner: FlockOwner, key: string): void {
    const lock = this.#locks.get(key);
    if (lock === undefined || !lock.holders.delete(owner)) return;
    owner.held.delete(key);
    if (lock.holders.size === 0) lock.mode = undefined;
    this.#admit(key);
  }

  /** @internal */
  withdraw(waiter: Waiter): void {
    this.#locks.get(waiter.key)?.queue.delete(waiter);
    waiter.owner.waits = undefined;
    this.#admit(waiter.key);
  }

  #lock(key: string): Lock {
    let lock = this.#locks.get(key);
    if (lock === undefined)
      this.#locks.set(key, (lock = { holders: new Set(), mode: undefined, queue: new Set() }));
    return lock;
  }

  #enter(lock: Lock, owner: FlockOwner, key: string, mode: Mode): void {
    lock.holders.add(owner);
    lock.mode = mode;
    owner.held.set(key, mode);
  }

  #enqueue(waiter: Waiter): void {
    this.#lock(waiter.key).queue.add(waiter);
    waiter.owner.waits = waiter;
  }

  /** Lets in whose turn it is. */
  #admit(key: string): void {
    const lock = this.#locks.get(key);
    if (lock === undefined) return;
    for (const waiter of lock.queue) {
      const { owner, mode } = waiter;
      if (!mayEnter(lock, mode, owner)) break;
      lock.queue.delete(waiter);
      owner.waits = undefined;
      this.#enter(lock, owner, key, mode);
      waiter.granted();
    }
    this.#forget(key);
  }

  #forget(key: string): void {
    const lock = this.#locks.get(key);
    if (lock !== undefined && lock.holders.size === 0 && lock.queue.size === 0) this.#locks.delete(key);
  }
}

/** One connection's locks. It waits for one at a time: what it asks later is answered later. */
export class FlockOwner {
  readonly #table: FlockTable;
  /** @internal */
  readonly held = new Map<string, Mode>();
  /** @internal */
  waits: Waiter | undefined;
  #ended = false;
  #carried = false;

  constructor(table: FlockTable) {
    this.#table = table;
  }

  /**
   * flock(2).
   * @throws VriftError EINVAL for an operation; EWOULDBLOCK; ENOLCK; EINTR when nobody is there any more to wait for.
   */
  acquire(key: string, operation: number): Promise<void> | undefined {
    const kind = operation & ~LOCK_NB;
    if (kind === LOCK_UN) {
      this.release(key);
      return undefined;
    }
    if (kind !== LOCK_SH && kind !== LOCK_EX)
      throw new VriftError("EINVAL", `${operation} is no operation of flock(2)`);
    if (this.waits !== undefined) return this.#resumeWait(this.waits, key, operation);
    if (this.held.size >= FLOCKS_MAX && !this.held.has(key))
      throw new VriftError("ENOLCK", `the connection holds ${FLOCKS_MAX} locks`);
    const wait = this.#table.acquire(this, key, kind, (operation & LOCK_NB) === 0);
    if (wait !== undefined && this.#ended) this.interrupt();
    return wait;
  }

  /** Fine when it is not held. */
  release(key: string): void {
    this.#table.release(this, key);
  }

  /** Nothing when it was carried away. */
  releaseAll(): void {
    if (this.#carried) return;
    if (this.waits !== undefined) this.#table.withdraw(this.waits);
    for (const key of [...this.held.keys()]) this.release(key);
  }

  /** Nobody will be there to be told later: what waits, and what would wait from now on, is EINTR. */
  interrupt(): void {
    this.#ended = true;
    const { waits } = this;
    if (waits === undefined) return;
    this.#table.withdraw(waits);
    waits.refused(new VriftError("EINTR", `the wait for ${JSON.stringify(waits.key)} was interrupted`));
  }

  /** From now on a wait is not answered here, though it keeps its place. False: nothing waits. */
  suspend(): boolean {
    const { waits } = this;
    if (waits === undefined) return false;
    waits.granted = waits.refused = ignore;
    return true;
  }

  /**
   * What is held and awaited, for another process; undefined when that is nothing. Here it stays so for ever: nobody else may
   * have it.
   */
  carry(): CarriedFlocks | undefined {
    const { waits } = this;
    this.#carried = true;
    if (waits === undefined && this.held.size === 0) return undefined;
    return {
      held: [...this.held],
      waits: waits && { key: waits.key, mode: waits.mode, ticket: waits.ticket },
    };
  }

  /** The request that waited in the process before, asked again: it has kept its place. */
  #resumeWait(waits: Waiter, key: string, operation: number): Promise<void> | undefined {
    if (waits.key !== key || waits.mode !== (operation & ~LOCK_NB) || (operation & LOCK_NB) !== 0) {
      this.#table.withdraw(waits);
      return this.acquire(key, operation);
    }
    return new Promise((granted, refused) => {
      waits.granted = granted;
      waits.refused = refused;
      if (this.#ended) this.interrupt();
    });
  }
}

function mayEnter({ holders, mode }: Lock, wanted: Mode, owner: FlockOwner): boolean {
  const others = holders.size - (holders.has(owner) ? 1 : 0);
  return others === 0 || (wanted === LOCK_SH && mode === LOCK_SH);
}

function modeOf(mode: number): Mode {
  return mode === LOCK_SH ? LOCK_SH : LOCK_EX;
}

function ignore(): void {}
