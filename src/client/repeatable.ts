import type { RequestName } from "../protocol/schema.js";

/**
 * What is only looked up: sent again when a connection broke before the answer, because doing it twice is doing it once.
 * All else is sent once. RegisterWorkspace is not here: it may index a tree, and the caller is told who it is bound to.
 */
const reads: ReadonlySet<RequestName> = new Set<RequestName>([
  "Handshake",
  "Status",
  "ManifestGet",
  "ManifestListDir",
  "CasGet",
]);

export function isRead(name: RequestName): boolean {
  return reads.has(name);
}

/** What is answered without a workspace. */
const unscoped: ReadonlySet<RequestName> = new Set<RequestName>([
  "Handshake",
  "Status",
  "RegisterWorkspace",
  "CasInsert",
  "CasGet",
  "CasSweep",
]);

/** True when the workspace that the connection is bound to makes a difference. */
export function isScoped(name: RequestName): boolean {
  return !unscoped.has(name);
}
