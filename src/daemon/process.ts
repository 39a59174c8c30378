/** What every daemon's process does around its work: its signals, its end. */
import { isCommitFailure } from "../manifest/data-file.js";
import type { Log } from "../platform/log.js";

export interface Stoppable {
  onStopped: () => void;
  stop(): Promise<void>;
}

/** SIGTERM and SIGINT stop it in order; what nobody thought of ends it. */
export function runDaemon(daemon: Stoppable, log: Log): void {
  daemon.onStopped = () => process.exit();
  // Libraries print to descriptor 2, which is the log: on a full disk that must not end us.
  // oxlint-disable-next-line no-restricted-properties -- nothing is printed: their errors are heard
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => void daemon.stop());
  process.on("SIGHUP", () => undefined);
  // A file beyond the limit of whoever started us is an error of that write (EFBIG), not our end.
  process.on("SIGXFSZ", () => undefined);
  // A command that has become a daemon has told a person so far.
  for (const event of ["uncaughtException", "unhandledRejection"]) process.removeAllListeners(event);
  process.on("uncaughtException", (error) => die(log, error));
  process.on("unhandledRejection", (error) => {
    if (!isCommitFailure(error)) die(log, error);
  });
}

/** A state nobody thought of: what is acknowledged is durable, so the safe thing is to end and let the next one open it. */
function die(log: Log, error: unknown): never {
  log.error("fatal", error);
  process.exit(1);
}
