/** Programs under the library, found by what they map. Those of other users cannot be: the files are 0600. */
import { readFileSync, readdirSync } from "node:fs";
import { isErrno } from "../platform/files.js";

const DAEMONS = new Set(["vriftd", "vdir_d"]);

/** True when a program, neither a daemon nor this process, maps an index file whose path `wanted` accepts. Reads every process's map. */
export function mapsIndex(wanted: (path: string) => boolean): boolean {
  for (const pid of readdirSync("/proc")) {
    if (!/^\d+$/.test(pid) || pid === String(process.pid)) continue;
    try {
      if (mappedIndexes(pid).some(wanted) && !DAEMONS.has(readFileSync(`/proc/${pid}/comm`, "latin1").trim()))
        return true;
    } catch (error) {
      // Gone, or somebody else's.
      if (!isErrno(error, "ENOENT", "EACCES", "EPERM", "ESRCH")) throw error;
    }
  }
  return false;
}

function mappedIndexes(pid: string): string[] {
  const paths: string[] = [];
  for (const line of readFileSync(`/proc/${pid}/maps`, "utf8").split("\n")) {
    // Only its owner maps it to write, and may be about to end with it.
    if (line.split(" ", 2)[1]?.startsWith("rw") === true) continue;
    const start = line.indexOf("/");
    const path = start < 0 ? "" : line.slice(start).replace(/ \(deleted\)$/, "");
    if (path.endsWith("/index")) paths.push(path);
  }
  return paths;
}
