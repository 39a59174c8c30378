/** How many connections a daemon takes. */
import { readFileSync } from "node:fs";
import { CONNECTIONS_MAX, CONTROL_CONNECTIONS_MAX, DESCRIPTORS_RESERVED } from "../platform/limits.js";

/**
 * CONNECTIONS_MAX, or what the limit on open files leaves room for. A connection that asks its project something has a second
 * descriptor in vriftd for as long; where there are none left for those, such a request is an error, and the daemon goes on.
 * @param openFiles the soft limit (Node has raised it to the hard one).
 */
export function connectionRoom(openFiles = openFilesLimit()): number {
  const left = openFiles - DESCRIPTORS_RESERVED - CONTROL_CONNECTIONS_MAX;
  return Math.max(16, Math.min(CONNECTIONS_MAX, left));
}

function openFilesLimit(): number {
  const text = readFileSync("/proc/self/limits", "latin1");
  const soft = /^Max open files\s+(\d+|unlimited)/m.exec(text)?.[1];
  return soft === undefined || soft === "unlimited" ? Infinity : Number(soft);
}
