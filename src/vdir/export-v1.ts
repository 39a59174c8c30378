/**
 * Keeps the specification's manifest export (section 7; docs/index-format.md) at most 100 ms behind the index: changes are
 * gathered; those of values are written into the file in place, and for those of names a new one is built in C beside the
 * event loop and renamed into place, so that a reader has either the names before or those after.
 */
import { randomBytes } from "node:crypto";
import { unlinkIfPresent } from "../platform/files.js";
import { native } from "../platform/native.js";
import type { ExportHandle, IndexHandle } from "../platform/native.js";

/** What is left of the promise is for building. */
const GATHER_MS = 10;

export class ManifestExport {
  readonly #path: string;
  readonly #onError: (error: unknown) => void;
  #index: (() => IndexHandle) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  /** The file now in place. */
  #file: ExportHandle | undefined;
  #closed = false;

  /** `onError` hears why an export could not be written (EPERM: /tmp has another user's); the next change tries again. */
  constructor(path: string, onError: (error: unknown) => void) {
    this.#path = path;
    this.#onError = onError;
  }

  /** Something changed in the index that `index` gives at the time of writing. Returns at once. */
  schedule(index: () => IndexHandle): void {
    if (this.#closed) return;
    this.#index = index;
    this.#arm();
  }

  /** Resolves when everything scheduled so far is in the file, or `onError` has heard why not. */
  async flush(): Promise<void> {
    while (this.#index !== undefined || this.#running !== undefined) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      await (this.#running ?? this.#write());
    }
  }

  /** Writes nothing more and removes the file: without a daemon it would go on saying what is no longer so. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#index = undefined;
    clearTimeout(this.#timer);
    await this.#running;
    if (this.#file !== undefined) native.exportClose(this.#file);
    this.#file = undefined;
    unlinkIfPresent(this.#path);
  }

  #arm(): void {
    if (this.#timer !== undefined || this.#running !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#write();
    }, GATHER_MS);
    this.#timer.unref();
  }

  /** Never rejects. */
  #write(): Promise<void> {
    const index = this.#index;
    this.#index = undefined;
    if (index === undefined) return Promise.resolve();
    this.#running = this.#exportOnce(index).finally(() => {
      this.#running = undefined;
      if (this.#index !== undefined) this.#arm();
    });
    return this.#running;
  }

  async #exportOnce(index: () => IndexHandle): Promise<void> {
    try {
      const before = this.#file;
      if (before !== undefined && (await native.exportRefresh(before, index(), this.#path))) return;
      const temporary = `${this.#path}.${randomBytes(8).toString("hex")}`;
      this.#file = await native.exportMake(index(), this.#path, temporary);
      if (before !== undefined) native.exportClose(before);
    } catch (error) {
      this.#onError(error);
    }
  }
}
