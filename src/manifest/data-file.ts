/** Where LMDB keeps a manifest, for those who only want to know whether there is one: LMDB itself is not loaded for that. */
import { existsSync } from "node:fs";
import { join } from "node:path";

/** Where LMDB keeps everything, in the directory it is given. */
export const DATA_FILE = "data.mdb";

/** Whether a manifest was ever made in the directory. */
export function hasManifest(directory: string): boolean {
  return existsSync(join(directory, DATA_FILE));
}

/**
 * A transaction that cannot be written rejects, besides what is waited for, promises of lmdb-js that nobody can get hold of. In a
 * process that ends on unhandled rejections these are to be left out: `commit` has told, and is tried again.
 */
export function isCommitFailure(error: unknown): boolean {
  return error instanceof Error && "commitError" in error;
}
