/** Nobody may ask for a sweep for a long time: vriftd itself empties the store's trash of what is over its grace period. */
import { VriftError } from "../platform/errors.js";
import type { Log } from "../platform/log.js";
import type { ContentStore } from "../store/store.js";

/** The store's trash is emptied once in so many milliseconds, by one of the processes that have the store. */
const DUE_MS = 60 * 60 * 1000;
/** Between two looks whether it is due: one stat. */
const LOOK_MS = 5 * 60 * 1000;

export class TrashTimer {
  readonly #store: Pick<ContentStore, "emptyTrash">;
  readonly #log: Log;
  readonly #lookMs: number;
  readonly #dueMs: number;
  #timer: NodeJS.Timeout | undefined;
  #busy = false;

  constructor(store: Pick<ContentStore, "emptyTrash">, log: Log, lookMs = LOOK_MS, dueMs = DUE_MS) {
    this.#store = store;
    this.#log = log;
    this.#lookMs = lookMs;
    this.#dueMs = dueMs;
  }

  start(): void {
    this.#timer = setInterval(() => void this.#look(), this.#lookMs);
    this.#timer.unref();
  }

  /** One that runs ends when the store is closed. */
  stop(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    try {
      const result = await this.#store.emptyTrash(this.#dueMs);
      if (result !== undefined && result.deletedCount > 0)
        this.#log.info("emptied the trash", {
          deleted: result.deletedCount,
          bytes: String(result.reclaimedBytes),
        });
    } catch (error) {
      // EBUSY: a sweep is running, and does the same.
      if (!(error instanceof VriftError && error.code === "EBUSY"))
        this.#log.error("the trash cannot be emptied", error);
    } finally {
      this.#busy = false;
    }
  }
}
