/** Run by verify.ts in threads of their own: hashes one directory of blobs after the other. */
import { parentPort, workerData } from "node:worker_threads";
import { toVriftError } from "../platform/errors.js";
import { storeLayout } from "./blob-names.js";
import { type ShardFindings, type ShardWork, examineShard } from "./examine.js";

export type ExamineAnswer =
  | { readonly type: "progress"; readonly blobs: number; readonly bytes: number }
  | { readonly type: "done"; readonly shard: string; readonly findings: ShardFindings }
  | { readonly type: "failed"; readonly code: string; readonly message: string };

/** Milliseconds between two words about how far it is. */
const SAY_MS = 100;

const layout = storeLayout(workerData as string);
const say = (answer: ExamineAnswer): void => parentPort?.postMessage(answer);

async function examine(work: ShardWork): Promise<void> {
  let [blobs, bytes, said] = [0, 0, Date.now()];
  const tell = (): void => {
    say({ type: "progress", blobs, bytes });
    [blobs, bytes, said] = [0, 0, Date.now()];
  };
  try {
    const findings = await examineShard(layout, work, (moreBlobs, moreBytes) => {
      blobs += moreBlobs;
      bytes += moreBytes;
      if (Date.now() - said >= SAY_MS) tell();
    });
    tell();
    say({ type: "done", shard: work.shard, findings });
  } catch (error) {
    const { code, message } = toVriftError(error);
    say({ type: "failed", code, message });
  }
}

parentPort?.on("message", (work: ShardWork) => void examine(work));
