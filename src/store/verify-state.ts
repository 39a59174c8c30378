/** One verification of a store at a time, and what an interrupted `--full` one has done: verify.lock, verify.state. */
import { closeSync, constants, fchmodSync, openSync } from "node:fs";
import { VriftError } from "../platform/errors.js";
import { FILE_MODE, readPrivateFile, unlinkIfPresent, writeFileAtomic } from "../platform/files.js";
import { native } from "../platform/native.js";
import type { StoreLayout } from "./blob-names.js";
import { isShardName } from "./blob-names.js";
import { type ShardFindings, noFindings } from "./examine.js";

const LOCK_EX = 2;
const LOCK_NB = 4;
/** What was right longer ago says nothing of today. */
const VALID_MS = 7 * 86_400_000;

export interface VerifyState {
  readonly beganMs: number;
  /** Directories of blobs, and the sums over them. */
  readonly done: string[];
  readonly findings: ShardFindings;
}

/** Returns what ends it. EBUSY at once. */
export function takeVerifyLock({ verifyLock }: StoreLayout): () => void {
  const fd = openSync(verifyLock, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, FILE_MODE);
  fchmodSync(fd, FILE_MODE);
  if (native.flock(fd, LOCK_EX | LOCK_NB)) return () => closeSync(fd);
  closeSync(fd);
  throw new VriftError("EBUSY", `another process verifies the store (it holds ${verifyLock})`);
}

export function readState({ verifyState }: StoreLayout, now = Date.now()): VerifyState | undefined {
  const bytes = readPrivateFile(verifyState);
  if (bytes === undefined) return undefined;
  let state: Partial<VerifyState>;
  try {
    state = JSON.parse(bytes.toString("utf8")) as Partial<VerifyState>;
  } catch {
    return undefined; // it only saves time
  }
  const { beganMs, done, findings } = state;
  if (typeof beganMs !== "number" || !Array.isArray(done) || typeof findings !== "object") return undefined;
  if (now - beganMs > VALID_MS || beganMs > now || !done.every((name) => isShardName(String(name))))
    return undefined;
  return { beganMs, done, findings: { ...noFindings(), ...findings } };
}

export function writeState({ verifyState }: StoreLayout, state: VerifyState): void {
  writeFileAtomic(verifyState, Buffer.from(`${JSON.stringify(state)}\n`));
}

export function endState({ verifyState }: StoreLayout): void {
  unlinkIfPresent(verifyState);
}
