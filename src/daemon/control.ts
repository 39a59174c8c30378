/**
 * What the specification's messages cannot say: one JSON object per line, one line in reply, in order.
 * `{"ok":true,…}` or `{"ok":false,"code":"ENOENT","message":"…"}`. Our own programs only; never on a specified socket.
 * `control.sock` leads to vriftd, `<workspace_id>.ctl` to the project's vdir_d.
 */
import type { CommitReport } from "../workspace/committer.js";
import type { AdoptEntry, ResyncReport, WorkspaceInfo, WorkspaceKind } from "../workspace/workspace.js";

/** What each side asks and answers, by operation. */
export type Operations<T> = { [K in keyof T]: { request: object; reply: object } };

export interface RunningProcess {
  readonly pid: number;
  readonly version: string;
  readonly build: string;
  readonly startedMs: number;
  readonly connections: number;
  readonly rssBytes: number;
  /** Of a project's process: milliseconds since somebody needed it. 0 while somebody is connected. */
  readonly idleMs?: number;
}

/** A project of the home, and its vdir_d when one runs. */
export interface ProjectStatus extends WorkspaceInfo {
  readonly process?: RunningProcess;
}

/** An open project, and where its vdir_d listens for ProjectOperations. */
export interface OpenedProject {
  readonly workspace: WorkspaceInfo;
  readonly control: string;
}

/** A message as it came or went. */
export interface TraceEvent {
  /** Counted from 1 in one process. */
  readonly number: number;
  /** Since 1970, with a fraction. */
  readonly timeMs: number;
  /** Counted from 1 in one process. */
  readonly connection: number;
  readonly direction: "request" | "reply";
  /** Of a reply: the number of its request. */
  readonly request?: number;
  /** From request to reply, as this process saw them. */
  readonly microseconds?: number;
  /** Length of the payload. */
  readonly bytes: number;
  /** In base64; only its beginning when `bytes` says more. */
  readonly payload: string;
}

/**
 * A long poll: at once when there is something after `after`, else after some seconds with nothing. Without `after`, at once: from
 * here on. `next` is the next `after`; `dropped` counts what was not kept so long.
 */
export interface TraceOperation {
  request: { after?: number };
  reply: { events: TraceEvent[]; next: number; dropped: number };
}

export interface ControlOperations {
  /**
   * Opens the workspace at `root` (an absolute directory), indexing it the first time. `phantom: true` makes a solid one
   * phantom (an empty set of virtual entries, `.vrift/` created) before anything is adopted.
   */
  open: { request: { root: string; phantom?: boolean }; reply: OpenedProject };
  /**
   * What `vrift run` in the directory `from` needs. Of a solid tree that takes long to open only where its index is going to be. Asked by native/launcher/ask_daemon.c, which reads the reply with these two
   * fields in this order, and takes a failure as a reason to start Node instead (src/cli/run-prepare.ts), which can say it.
   * `userHome` is the asker's $HOME. VRIFT_STALE_DAEMON when `build` is not the daemon's.
   */
  view: {
    request: { from: string; userHome: string; build: string };
    reply: { index: string; kind: WorkspaceKind };
  };
  /** Registers `dst` (its directories and physical files are there) with the virtual entries of `src`. */
  clone: { request: { src: string; dst: string }; reply: OpenedProject };
  /** After every virtual file was put in place: the workspace is an ordinary directory again; `.vrift/` and roots go. EBUSY while virtual entries without a file remain. */
  solidify: { request: { root: string }; reply: { report: ResyncReport } };
  status: {
    request: Record<string, never>;
    reply: RunningProcess & {
      home: string;
      /** Its content store. */
      source: string;
      sockets: string[];
      workspaces: ProjectStatus[];
    };
  };
  /** What vriftd's connections say from now on; a poll occupies its connection. */
  trace: TraceOperation;
  /** Starts a successor that takes over sockets and projects, and answers when it serves. */
  restart: { request: Record<string, never>; reply: { pid: number } };
  /** Ends every project's process and vriftd itself. */
  stop: { request: Record<string, never>; reply: Record<string, never> };
}

export interface ProjectOperations {
  /** Answers once the workspace is open, or with why it cannot be opened. */
  info: { request: Record<string, never>; reply: { workspace: WorkspaceInfo; process: RunningProcess } };
  /**
   * Answers at once while the event loop runs, also while the workspace is being opened. `used`: somebody needs the project who is
   * not connected to it (vriftd answers from its index).
   */
  ping: { request: { used?: boolean }; reply: { workspace?: WorkspaceInfo; process: RunningProcess } };
  adopt: {
    request: { entries: AdoptEntry[]; as: "virtual" | "backed" };
    reply: { refused: { path: string; reason: string }[] };
  };
  /** A page of the virtual entries, by key order after `after` ("" for the first page), at most `limit`. */
  entries: { request: { after: string; limit: number }; reply: { entries: AdoptEntry[] } };
  /** Resync with the tree. `durable`: and then everything acknowledged is on disk. */
  sync: { request: { durable: boolean }; reply: { report: ResyncReport } };
  /**
   * What programs have written goes into the store, as far as it is quiet; durable when it is answered. `dehydrate`: and what has is made
   * virtual, unless a program uses the index.
   */
  commit: { request: { dehydrate: boolean }; reply: { report: CommitReport } };
  /** What was changed before the request is in the marks when it is answered. */
  drain: { request: Record<string, never>; reply: Record<string, never> };
  /** sync, and a look at every name of a solid tree: `vrift sync`. */
  settle: { request: Record<string, never>; reply: { report: ResyncReport; workspace: WorkspaceInfo } };
  /** Makes the directory `to` a phantom workspace with the entries of this one. */
  found: { request: { to: string }; reply: { id: string } };
  /** Rewrites the roots, so that they name what entries name and nothing else: before a sweep. */
  tidyRoots: { request: Record<string, never>; reply: Record<string, never> };
  readyToSolidify: { request: Record<string, never>; reply: { report: ResyncReport } };
  /** What the project's own connections say from now on; a poll occupies its connection. */
  trace: TraceOperation;
  /** Makes the version-1 export of this workspace at `path` from now on; null ends it. */
  export: { request: { path: string | null }; reply: Record<string, never> };
  /** Starts a successor that takes over lock, sockets and connections, and answers when it serves. This line then ends. */
  handOver: { request: Record<string, never>; reply: Record<string, never> };
  /** Stops if nobody needs the project: no connection, no operation under way, no program that maps the index. */
  retire: { request: Record<string, never>; reply: { retired: boolean } };
  stop: { request: Record<string, never>; reply: Record<string, never> };
}

export type OperationName<T> = keyof T & string;
export type RequestOf<T extends Operations<T>, K extends keyof T> = T[K]["request"];
export type ReplyOf<T extends Operations<T>, K extends keyof T> = T[K]["reply"];
export type ControlReply<R> = ({ ok: true } & R) | { ok: false; code: string; message: string };
