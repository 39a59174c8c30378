/** WorkspaceAccess over the daemon's control socket. */
import type { ControlClient } from "../client/control-client.js";
import { CONTROL_LINE_MAX } from "../platform/limits.js";
import type { AdoptEntry } from "../workspace/workspace.js";
import type { Refusal, WorkspaceAccess } from "./access.js";

/** One request's entries; JSON writes a byte of a name with up to six. */
const REQUEST_BYTES = CONTROL_LINE_MAX / 4;
const ENTRY_BYTES = 256;

/** Closing it closes the connection. */
export function controlAccess(client: ControlClient): WorkspaceAccess {
  return {
    open: async (root, options) =>
      (await client.call("open", { root, ...(options?.phantom ? { phantom: true } : {}) })).workspace,
    adopt: async (root, entries, as) => {
      const refused: Refusal[] = [];
      for (const part of parts(entries)) {
        refused.push(...(await client.call("adopt", { root, entries: part, as })).refused);
      }
      return refused;
    },
    entries: async (root, after, limit) => (await client.call("entries", { root, after, limit })).entries,
    sync: async (root) => (await client.call("sync", { root })).report,
    clone: async (src, dst) => (await client.call("clone", { src, dst })).workspace,
    solidify: async (root) => (await client.call("solidify", { root })).report,
    close: async () => {
      client.close();
    },
  };
}

function* parts(entries: readonly AdoptEntry[]): Generator<AdoptEntry[]> {
  let part: AdoptEntry[] = [];
  let bytes = 0;
  for (const entry of entries) {
    const size = ENTRY_BYTES + Buffer.byteLength(entry.path) * 6;
    if (part.length > 0 && bytes + size > REQUEST_BYTES) {
      yield part;
      part = [];
      bytes = 0;
    }
    part.push(entry);
    bytes += size;
  }
  if (part.length > 0) yield part;
}
