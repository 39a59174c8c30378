/** Whoever started us and waits for word: sd_notify(3). Nothing depends on it. */
import type { Log } from "../platform/log.js";
import { toVriftError } from "../platform/errors.js";
import { native } from "../platform/native.js";

const VARIABLE = "NOTIFY_SOCKET";

export interface Supervisor {
  /** For a successor, which tells of its own. */
  readonly env: NodeJS.ProcessEnv;
  serves(log: Log): void;
  stops(log: Log): void;
  /** Before this process ends: from then on it is another one that counts. */
  isNow(pid: number, log: Log): void;
}

/** Call it once, first of all: children are not to tell. */
export function supervisor(): Supervisor {
  const { [VARIABLE]: socket } = process.env;
  delete process.env[VARIABLE];
  const tell = (what: string, log: Log): void => {
    if (socket === undefined || socket === "") return;
    try {
      native.notifySocket(socket, what);
    } catch (error) {
      log.warn("whoever supervises us cannot be told", {
        what,
        socket,
        because: toVriftError(error).toWire(),
      });
    }
  };
  return {
    env: socket === undefined ? {} : { [VARIABLE]: socket },
    serves: (log) => tell("READY=1", log),
    stops: (log) => tell("STOPPING=1", log),
    isNow: (pid, log) => tell(`MAINPID=${pid}`, log),
  };
}
