/** vriftd: `node dist/src/daemon/main.js`, home from the environment. Exits 0 when another daemon serves the home, 75 when it cannot tell. */
import { dirname } from "node:path";
import { configuredHome, loadConfig } from "../platform/config.js";
import { makeDirectory } from "../platform/files.js";
import { recordSource } from "../platform/home-source.js";
import { openLog } from "../platform/log.js";
import { resolveHome } from "../platform/paths.js";
import { inheritOwnerLock } from "../workspace/owner-lock.js";
import { becomeDaemon, lockOrLeave, writeFailure } from "./begin-process.js";
import { inheritance, inheritedDescriptors } from "./succession.js";

const NAME = "vriftd";

async function main(): Promise<void> {
  const inherited = inheritance();
  becomeDaemon(NAME, inheritedDescriptors(inherited));
  const bare = resolveHome();
  const config = await loadConfig({ home: bare });
  const home = configuredHome(bare, config);
  makeDirectory(home.root);
  makeDirectory(dirname(home.daemonLog));
  const log = openLog(home.daemonLog, config.log_bytes);
  const lock = inherited
    ? inheritOwnerLock(home.daemonLock, inherited.lock)
    : await lockOrLeave(home.daemonLock, home.controlSocket, log);
  recordSource(home);
  const [{ openStore }, { Daemon }, { runDaemon }] = await Promise.all([
    import("../store/content-store.js"),
    import("./daemon.js"),
    import("./process.js"),
  ]);
  const store = await openStore(home.source, { graceMs: config.sweep_grace_seconds * 1000 });
  const daemon = new Daemon({ home, config, log, lock, store, inherited });
  runDaemon(daemon, log);
  await inherited?.given();
  lock.sign();
  await daemon.listen();
  inherited?.serving();
}

main().catch((error: unknown) => writeFailure(NAME, error));
