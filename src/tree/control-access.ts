/** WorkspaceAccess over control sockets: vriftd opens and converts, the project's own process has the entries. */
import { setTimeout as wait } from "node:timers/promises";
import { connectProjectControl } from "../client/control-client.js";
import type { ControlClient, ProjectControlClient } from "../client/control-client.js";
import { VriftError } from "../platform/errors.js";
import { isAbsent } from "../client/open-socket.js";
import { UnansweredError } from "../client/unanswered.js";
import { CONTROL_LINE_MAX, READ_ATTEMPTS_MAX } from "../platform/limits.js";
import type { AdoptEntry } from "../workspace/workspace.js";
import type { Refusal, WorkspaceAccess } from "./access.js";

/** One request's entries; JSON writes a byte of a name with up to six. */
const REQUEST_BYTES = CONTROL_LINE_MAX / 4;
const ENTRY_BYTES = 256;
/** A process that ends makes everything durable first. */
const ENDING_MS = 10_000;
const POLL_MS = 20;

/** Closing it closes the connections. */
export function controlAccess(client: ControlClient): WorkspaceAccess {
  const projects = new Map<string, ProjectControlClient>();
  const project = async (root: string): Promise<ProjectControlClient> => {
    const known = projects.get(root);
    if (known?.usable) return known;
    const { control } = await client.call("open", { root });
    const opened = await connectProjectControl(control);
    projects.set(root, opened);
    return opened;
  };
  /** Nothing that is asked of a project's process does harm when it is asked twice, and the process may just be ending. */
  const ask = async <T>(root: string, work: (project: ProjectControlClient) => Promise<T>): Promise<T> => {
    const deadline = Date.now() + ENDING_MS;
    for (let broken = 0; ; await wait(POLL_MS)) {
      try {
        return await work(await project(root));
      } catch (error) {
        if (error instanceof UnansweredError) broken++;
        const isGone = isAbsent(error) || (error instanceof VriftError && error.code === "ECONNRESET");
        if (!isGone || broken === READ_ATTEMPTS_MAX || Date.now() > deadline) throw error;
        projects.get(root)?.close();
      }
    }
  };
  return {
    open: async (root, options) =>
      (await client.call("open", { root, ...(options?.phantom ? { phantom: true } : {}) })).workspace,
    adopt: async (root, entries, as) => {
      const refused: Refusal[] = [];
      for (const part of parts(entries)) {
        refused.push(...(await ask(root, (one) => one.call("adopt", { entries: part, as }))).refused);
      }
      return refused;
    },
    entries: async (root, after, limit) =>
      (await ask(root, (one) => one.call("entries", { after, limit }))).entries,
    sync: async (root) => (await ask(root, (one) => one.call("sync", { durable: true }))).report,
    commit: async (root, { dehydrate }) =>
      (await ask(root, (one) => one.call("commit", { dehydrate }))).report,
    clone: async (src, dst) => (await client.call("clone", { src, dst })).workspace,
    solidify: async (root) => (await client.call("solidify", { root })).report,
    close: async () => {
      for (const one of projects.values()) one.close();
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
