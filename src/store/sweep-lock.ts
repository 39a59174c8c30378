/** One sweep at a time in a store, whoever runs it: an flock, which the kernel drops however the process ends. */
import { closeSync, constants, fchmodSync, openSync } from "node:fs";
import { VriftError } from "../platform/errors.js";
import { FILE_MODE } from "../platform/files.js";
import { native } from "../platform/native.js";

const LOCK_EX = 2;
const LOCK_NB = 4;

/** Returns what ends it. EBUSY at once: a connection that waited for another's sweep would wait for minutes. */
export function takeSweepLock(path: string): () => void {
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, FILE_MODE);
  fchmodSync(fd, FILE_MODE);
  const release = (): void => closeSync(fd);
  if (native.flock(fd, LOCK_EX | LOCK_NB)) return release;
  release();
  throw new VriftError("EBUSY", `another sweep of the store is running (it holds ${path})`);
}
