/** The life of a process as vriftd, from its first descriptor to listening. */
import { dirname } from "node:path";
import type { Config } from "../platform/config.js";
import { configuredHome, loadConfig } from "../platform/config.js";
import { VriftError } from "../platform/errors.js";
import { makeDirectory } from "../platform/files.js";
import { recordSource } from "../platform/home-source.js";
import { openLog } from "../platform/log.js";
import type { Log } from "../platform/log.js";
import type { Home } from "../platform/paths.js";
import { resolveHome } from "../platform/paths.js";
import type { OwnerLock } from "../workspace/owner-lock.js";
import { inheritOwnerLock, ownerOf } from "../workspace/owner-lock.js";
import { becomeDaemon, lockAsActivated, lockOrLeave } from "./begin-process.js";
import { activation, assertOwn } from "./given-sockets.js";
import type { GivenSockets } from "./given-sockets.js";
import { inheritance, inheritedDescriptors } from "./succession.js";
import { supervisor } from "./supervisor.js";

/** What it calls itself. */
export const VRIFTD = "vriftd";
const STDERR = 2;

export interface ServeOptions {
  /** Its log is on standard error, too, and so is that of its successors. A daemon that serves the home already is an error. */
  readonly foreground: boolean;
}

/** This process is vriftd from now on; resolves when it listens, and it ends when it has stopped. */
export async function serveHome({ foreground }: ServeOptions): Promise<void> {
  const inherited = inheritance();
  const activated: GivenSockets = inherited ? new Map() : activation();
  const superior = supervisor();
  becomeDaemon(VRIFTD, [...inheritedDescriptors(inherited), ...[...activated.values()].map(({ fd }) => fd)]);
  const { home, config } = await ownHome();
  const log = openLog(home.daemonLog, config.log_bytes, foreground ? STDERR : undefined);
  assertOwn(activated, home);
  const lock = inherited
    ? inheritOwnerLock(home.daemonLock, inherited.lock)
    : await lockHome(home, activated, log, foreground);
  recordSource(home);
  const [{ openStore }, { Daemon }, { runDaemon }] = await Promise.all([
    import("../store/content-store.js"),
    import("./daemon.js"),
    import("./process.js"),
  ]);
  const store = await openStore(home.source, { graceMs: config.sweep_grace_seconds * 1000 });
  const sockets = inherited?.sockets ?? activated;
  const daemon = new Daemon({ home, config, log, lock, store, sockets, inherited, superior, foreground });
  runDaemon(daemon, log);
  await inherited?.given();
  lock.sign();
  await daemon.listen();
  if (inherited) inherited.serving();
  else superior.serves(log);
}

async function ownHome(): Promise<{ home: Home; config: Config }> {
  const bare = resolveHome();
  const config = await loadConfig({ home: bare });
  const home = configuredHome(bare, config);
  makeDirectory(home.root);
  makeDirectory(dirname(home.daemonLog));
  return { home, config };
}

async function lockHome(
  home: Home,
  activated: GivenSockets,
  log: Log,
  foreground: boolean,
): Promise<OwnerLock> {
  if (activated.size > 0) return lockAsActivated(home.daemonLock, VRIFTD, [...activated.values()], log);
  const served = (): never => {
    if (!foreground) process.exit(0);
    const owner = ownerOf(home.daemonLock) ?? "unknown";
    throw new VriftError("EBUSY", `the daemon of ${home.root} runs already, process ${owner}`);
  };
  return lockOrLeave(home.daemonLock, home.controlSocket, log, served);
}
