/**
 * A process for killed.test.ts to end: opens the workspace, runs one procedure on it, and is killed right before the n-th change
 * it makes to a file, to the index or to the journal. Prints the number of changes when the procedure was acknowledged, and
 * then ends without a word to anybody. Arguments: n, directory, procedure.
 */
import { writeSync } from "node:fs";
import { join } from "node:path";
import { countCalls } from "../kill-before-call.js";

const INDEX_CALLS = ["indexInsert", "indexUpdate", "indexRemove", "indexMove", "indexGrow"];

async function main([at, directory, procedure]: string[]): Promise<void> {
  const counter = countCalls(INDEX_CALLS);
  const { localProjects } = await import("../../src/workspace/local-project.js");
  const { Registry } = await import("../../src/workspace/registry.js");
  const { silentLog } = await import("../../src/platform/log.js");
  const { resolveHome } = await import("../../src/platform/paths.js");
  const { openStore } = await import("../../src/store/content-store.js");
  const { keeping, procedures } = await import("./killed-procedures.js");
  const home = resolveHome({ VRIFT_HOME: join(directory!, "home") });
  const store = await openStore(home.source);
  const workspace = await new Registry(
    home,
    store,
    silentLog,
    localProjects({ home, store, log: silentLog }),
  ).open(join(directory!, "project"));
  const before = counter.calls;
  counter.killBefore(Number(at));
  await { ...procedures, ...keeping }[procedure!]!({ workspace, store, directory: directory! });
  const made = counter.calls - before;
  counter.killBefore(Infinity);
  writeSync(1, String(made));
  process.kill(process.pid, "SIGKILL");
}

await main(process.argv.slice(2));
