/** vriftd: `node dist/src/daemon/main.js`, home from the environment. Exits 0 when another daemon serves the home, 75 when it cannot tell. */
import { closeSync, readFileSync, readdirSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { configuredHome, loadConfig } from "../platform/config.js";
import { toVriftError } from "../platform/errors.js";
import { isErrno, makeDirectory } from "../platform/files.js";
import type { Log } from "../platform/log.js";
import { openLog } from "../platform/log.js";
import { native } from "../platform/native.js";
import { resolveHome } from "../platform/paths.js";
import { startDaemon } from "./daemon.js";
import { answers } from "./listener.js";

/** The holder of the lock may be starting or stopping: so long it is given to answer or to go. */
const RIVAL_WAIT_MS = 5000;
const RIVAL_POLL_MS = 20;
/** sysexits.h EX_TEMPFAIL. */
const EXIT_TEMPORARY = 75;

async function main(): Promise<void> {
  process.umask(0o077);
  closeInherited();
  process.chdir("/");
  const bare = resolveHome();
  const config = await loadConfig({ home: bare });
  const home = configuredHome(bare, config);
  makeDirectory(home.root);
  makeDirectory(dirname(home.daemonLog));
  const log = openLog(home.daemonLog, config.log_bytes);
  process.on("uncaughtException", (error) => die(log, error));
  process.on("unhandledRejection", (error) => die(log, error));
  native.setProcessName("vriftd");

  const deadline = Date.now() + RIVAL_WAIT_MS;
  for (;;) {
    const daemon = await startDaemon({ home, config, log });
    if (daemon !== undefined) {
      daemon.onStopped = () => process.exit(0);
      for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => void daemon.stop());
      process.on("SIGHUP", () => undefined);
      return;
    }
    if (await answers(home.controlSocket)) process.exit(0);
    if (Date.now() > deadline) {
      log.warn("another process holds the lock and does not answer", { lock: home.daemonLock });
      process.exit(EXIT_TEMPORARY);
    }
    await wait(RIVAL_POLL_MS);
  }
}

/**
 * Descriptors that whoever started us forgot to close would live as long as we do: a lock held for ever, a pipe that never
 * ends. Our own are close-on-exec, inherited ones beyond those that Node marked itself are not.
 */
function closeInherited(): void {
  for (const name of readdirSync("/proc/self/fd")) {
    const fd = Number(name);
    if (fd <= 2) continue;
    try {
      const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${name}`, "latin1"))?.[1];
      if (flags !== undefined && (parseInt(flags, 8) & 0o2000000) === 0) closeSync(fd);
    } catch (error) {
      if (!isErrno(error, "ENOENT", "EBADF")) throw error;
    }
  }
}

/** A state nobody thought of: what is acknowledged is durable, so the safe thing is to end and let the next one open it. */
function die(log: Log, error: unknown): never {
  log.error("fatal", error);
  process.exit(1);
}

main().catch((error: unknown) => {
  // The log may not be open; descriptor 2 is the log of whoever started us.
  writeSync(2, `vriftd: ${toVriftError(error).toWire()}\n`);
  process.exit(1);
});
