/**
 * Names that every connection writes and reads: is there one order of all these requests, each at a moment between its
 * question and its answer, in which every read tells what was written last?
 *
 * Every write has a value of its own, so the question has an exact and cheap answer (Gibbons and Korach, Testing Shared
 * Memories, 1997, section 4.2). All requests about one value form a cluster; with f the earliest answer and s the latest question
 * in it, the value must have been the current one from f to s (when f < s: a forward zone), or for some moment between s and f (a
 * backward zone). An order exists if and only if no two forward zones overlap and no backward zone lies inside a forward one.
 * A write that nobody answered may take effect at any time later, or never.
 */
export interface Moments {
  /** Question. */
  readonly from: number;
  /** Answer; Infinity: there was none. */
  readonly to: number;
}

interface Cluster {
  writtenFrom: number;
  firstAnswer: number;
  lastQuestion: number;
  /** Somebody was told that it is or was the value. */
  known: boolean;
}

export class Register {
  readonly #name: string;
  readonly #clusters = new Map<bigint, Cluster>();
  /** What cannot be explained. */
  readonly failures: string[] = [];

  constructor(name: string) {
    this.#name = name;
  }

  /** Before the question is asked: a read may see it before its answer comes. */
  writing(value: bigint, from: number): void {
    this.#clusters.set(value, { writtenFrom: from, firstAnswer: Infinity, lastQuestion: from, known: false });
  }

  written(value: bigint, to: number): void {
    this.#seen(value, this.#clusters.get(value)!.writtenFrom, to);
  }

  /** It was answered with why it was not done. */
  notWritten(value: bigint): void {
    const cluster = this.#clusters.get(value)!;
    if (cluster.known) this.failures.push(`${this.#name}: ${value} was refused, and read`);
    this.#clusters.delete(value);
  }

  read(value: bigint, { from, to }: Moments): void {
    if (!this.#clusters.has(value)) this.failures.push(`${this.#name}: nobody wrote what was read: ${value}`);
    else {
      if (to < this.#clusters.get(value)!.writtenFrom)
        this.failures.push(`${this.#name}: ${value} was read before anybody wrote it`);
      this.#seen(value, from, to);
    }
  }

  #seen(value: bigint, from: number, to: number): void {
    const cluster = this.#clusters.get(value)!;
    cluster.known = true;
    cluster.firstAnswer = Math.min(cluster.firstAnswer, to);
    cluster.lastQuestion = Math.max(cluster.lastQuestion, from);
  }

  /** What cannot be explained; none: the order exists. */
  check(): string[] {
    const known = [...this.#clusters].filter(([, cluster]) => cluster.known);
    const zones = known.map(([value, { firstAnswer, lastQuestion }]) => ({
      value,
      low: Math.min(firstAnswer, lastQuestion),
      high: Math.max(firstAnswer, lastQuestion),
      forward: firstAnswer < lastQuestion,
    }));
    const forward = zones.filter((zone) => zone.forward).sort((a, b) => a.low - b.low);
    const found = [...this.failures];
    for (const [i, zone] of forward.entries()) {
      const before = forward[i - 1];
      if (before !== undefined && zone.low < before.high)
        found.push(`${this.#name}: ${before.value} and ${zone.value} were both current at one time`);
    }
    for (const zone of zones) {
      if (zone.forward) continue;
      const around = lastBelow(forward, zone.low);
      if (around !== undefined && zone.high < around.high)
        found.push(`${this.#name}: ${around.value} was read again after ${zone.value} replaced it`);
    }
    return found;
  }
}

/** The last of the sorted zones that begins before `at`. */
function lastBelow<T extends { readonly low: number }>(zones: readonly T[], at: number): T | undefined {
  let [low, high] = [0, zones.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (zones[middle]!.low < at) low = middle + 1;
    else high = middle;
  }
  return zones[low - 1];
}
