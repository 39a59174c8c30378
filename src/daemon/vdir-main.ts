/**
 * vdir_d: `node dist/src/daemon/vdir-main.js ROOT ID`, home from the environment. Exits 0 when another process serves the project, 75
 * when it cannot tell.
 */
import { setTimeout as wait } from "node:timers/promises";
import { configuredHome, loadConfig } from "../platform/config.js";
import { VriftError } from "../platform/errors.js";
import { openLog } from "../platform/log.js";
import { resolveHome, workspacePaths } from "../platform/paths.js";
import { openStore } from "../store/content-store.js";
import { hasManifest } from "../manifest/data-file.js";
import { identify } from "../workspace/identity.js";
import { recordedRoot } from "../workspace/known.js";
import { inheritOwnerLock } from "../workspace/owner-lock.js";
import { checkRoot } from "../workspace/check-root.js";
import type { Home } from "../platform/paths.js";
import type { ProjectPlace } from "../workspace/registry.js";
import { becomeDaemon, lockOrLeave, writeFailure } from "./begin-process.js";
import { runDaemon } from "./process.js";
import { PROJECT_PROCESS } from "./project-process.js";
import { inheritance, inheritedDescriptors } from "./succession.js";
import { VdirDaemon } from "./vdir-daemon.js";

const ASKERS_MS = 1000;

async function main(): Promise<void> {
  const [root = "", id = ""] = process.argv.slice(2);
  const inherited = inheritance();
  becomeDaemon(PROJECT_PROCESS, inheritedDescriptors(inherited));
  const bare = resolveHome();
  const config = await loadConfig({ home: bare, projectRoot: root });
  const home = configuredHome(bare, config);
  const place = plainPlace(home, root, id);
  const paths = workspacePaths(home, id);
  const log = openLog(paths.log, config.log_bytes);
  const lock = inherited
    ? inheritOwnerLock(paths.lock, inherited.lock)
    : await lockOrLeave(paths.lock, paths.control, log);
  const daemon = new VdirDaemon({
    home,
    place,
    store: await openStore(home.source, { graceMs: config.sweep_grace_seconds * 1000 }),
    log,
    watch: config.watch,
    quota: { entries: config.project_entries, stagingBytes: config.staging_bytes },
    commit: { commit: config.commit, dehydrate: config.dehydrate },
    settleMs: config.settle_seconds * 1000,
    idleMs: config.idle_seconds * 1000,
    lock,
    inherited,
  });
  runDaemon(daemon, log);
  try {
    await daemon.serve();
  } catch (error) {
    log.error("the workspace cannot be opened", error, { root });
    process.exitCode = 1;
    // Whoever started us is still connecting, and is told why.
    await wait(ASKERS_MS);
    await daemon.stop();
  }
}

/** What was moved or copied needs vriftd, which knows the other places. */
function plainPlace(home: Home, root: string, id: string): ProjectPlace {
  checkRoot(root, home);
  const identity = identify(root, (known) => recordedRoot(home, known));
  if (identity.kind === "copy" || identity.id !== id)
    throw new VriftError("EINVAL", `${root} is not the workspace ${id}`);
  // vriftd has written down where it is now before it starts us.
  if (identity.kind === "phantom" && identity.moved)
    throw new VriftError("EINVAL", `${root} was copied or moved, which only vriftd can sort out`);
  if (identity.kind === "phantom" && !hasManifest(workspacePaths(home, id).db))
    throw new VriftError("VRIFT_OTHER_HOME", `${home.root} has no manifest of the workspace ${id}`);
  return { root, id, kind: identity.kind };
}

main().catch((error: unknown) => writeFailure(PROJECT_PROCESS, error));
