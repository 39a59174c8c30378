/**
 * What the specification's messages cannot say, over `control.sock`: one JSON object per line, one line in reply, in order.
 * `{"ok":true,…}` or `{"ok":false,"code":"ENOENT","message":"…"}`. Our own commands only; never on the specified socket.
 */
import type { AdoptEntry, ResyncReport, WorkspaceInfo, WorkspaceKind } from "../workspace/workspace.js";

export interface ControlOperations {
  /**
   * Opens the workspace at `root` (an absolute directory), indexing it the first time. `phantom: true` makes a solid one
   * phantom (an empty set of virtual entries, `.vrift/` created) before anything is adopted.
   */
  open: { request: { root: string; phantom?: boolean }; reply: { workspace: WorkspaceInfo } };
  adopt: {
    request: { root: string; entries: AdoptEntry[]; as: "virtual" | "backed" };
    reply: { refused: { path: string; reason: string }[] };
  };
  /**
   * What `vrift run` in the directory `from` needs. Asked by native/launcher/ask_daemon.c, which reads the reply with these two
   * fields in this order, and takes a failure as a reason to start Node instead (src/cli/run-prepare.ts), which can say it.
   * `userHome` is the asker's $HOME. VRIFT_STALE_DAEMON when `build` is not the daemon's.
   */
  view: {
    request: { from: string; userHome: string; build: string };
    reply: { index: string; kind: WorkspaceKind };
  };
  /** A page of the virtual entries, by key order after `after` ("" for the first page), at most `limit`. */
  entries: { request: { root: string; after: string; limit: number }; reply: { entries: AdoptEntry[] } };
  /** Resync with the tree, then durable. */
  sync: { request: { root: string }; reply: { report: ResyncReport } };
  /** Registers `dst` (its directories and physical files are there) with the virtual entries of `src`. */
  clone: { request: { src: string; dst: string }; reply: { workspace: WorkspaceInfo } };
  /** After every virtual file was put in place: the workspace is an ordinary directory again; `.vrift/` and roots go. EBUSY while virtual entries without a file remain. */
  solidify: { request: { root: string }; reply: { report: ResyncReport } };
  status: {
    request: Record<string, never>;
    reply: {
      pid: number;
      version: string;
      build: string;
      startedMs: number;
      home: string;
      /** Its content store. */
      source: string;
      sockets: string[];
      connections: number;
      workspaces: WorkspaceInfo[];
      rssBytes: number;
    };
  };
  stop: { request: Record<string, never>; reply: Record<string, never> };
}

export type ControlName = keyof ControlOperations;
export type ControlRequest<K extends ControlName = ControlName> = { op: K } & ControlOperations[K]["request"];
export type ControlReply<K extends ControlName> =
  ({ ok: true } & ControlOperations[K]["reply"]) | { ok: false; code: string; message: string };
