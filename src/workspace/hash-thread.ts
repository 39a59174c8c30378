/** Run by background-hashing.ts: hashes the files it is sent, one after the other, at the lowest priority there is. */
import { setPriority } from "node:os";
import { parentPort } from "node:worker_threads";
import { isErrno } from "../platform/files.js";
import { VriftError } from "../platform/errors.js";
import type { HashedContent } from "./content.js";
import { hashContent } from "./content.js";

const LOWEST = 19;

export interface HashedFile extends HashedContent {
  readonly key: string;
}

async function hashAll(root: string, keys: readonly string[]): Promise<HashedFile[]> {
  const done: HashedFile[] = [];
  for (const key of keys) {
    try {
      done.push({ key, ...(await hashContent(`${root}/${key}`)) });
    } catch (error) {
      // Gone, being written, not to be read: whoever asks for it is told.
      if (
        !isErrno(error, "ENOENT", "EBUSY", "EACCES", "EPERM", "ENOTDIR", "ELOOP", "EIO", "EISDIR", "ENXIO")
      ) {
        if (!(error instanceof VriftError)) throw error;
      }
    }
  }
  return done;
}

// Of this thread alone, on Linux.
setPriority(0, LOWEST);
parentPort?.on("message", ({ root, keys }: { root: string; keys: readonly string[] }) => {
  void answer(root, keys);
});

async function answer(root: string, keys: readonly string[]): Promise<void> {
  const done = await hashAll(root, keys);
  parentPort?.postMessage(done);
}
