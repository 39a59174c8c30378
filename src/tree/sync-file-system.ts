/** Everything written to a file system so far is on disk. */
import { closeSync, constants, openSync } from "node:fs";
import { native } from "../platform/native.js";

/** @param path a directory of it. */
export async function syncFileSystem(path: string): Promise<void> {
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await native.syncfs(fd);
  } finally {
    closeSync(fd);
  }
}
