/**
 * Every on-disk name, built in one place (DESIGN: "Processes and files"). Pure: nothing is created or looked at here.
 */
import { userInfo } from "node:os";
import { isAbsolute, join, resolve } from "node:path";

/** The specification's socket path; only the daemon of the default home listens on it. */
export const SPECIFIED_SOCKET = "/tmp/vrift.sock";
/** The specification's manifest export; only the daemon of the default home makes it. */
export const SPECIFIED_EXPORT = "/tmp/vrift-manifest.mmap";
/** sun_path holds 108 bytes with its NUL; Node truncates longer ones without an error. */
export const SOCKET_PATH_MAX = 107;

export interface Home {
  /** `~/.vrift` or VRIFT_HOME. */
  readonly root: string;
  /** The content store. */
  readonly source: string;
  /** Directory of all sockets. */
  readonly sockets: string;
  /** The socket our own programs use. */
  readonly daemonSocket: string;
  /** JSON lines: what the specified messages cannot say. */
  readonly controlSocket: string;
  /** True for `~/.vrift` with no VRIFT_SOCKET: this daemon also serves SPECIFIED_SOCKET and SPECIFIED_EXPORT. */
  readonly isDefault: boolean;
  readonly configFile: string;
  readonly daemonLock: string;
  readonly daemonLog: string;
}

export interface WorkspacePaths {
  readonly id: string;
  /** LMDB and journal. */
  readonly db: string;
  /** index, marks, stripes, log. */
  readonly run: string;
  readonly index: string;
  readonly marks: string;
  /** Version-1 export of homes other than the default one. */
  readonly exportFile: string;
  /** The project's own socket, the specified protocol. */
  readonly socket: string;
  /** JSON lines to its vdir_d. */
  readonly control: string;
  /** Held by whoever owns manifest and index. */
  readonly lock: string;
  readonly log: string;
  /** Its snapshots, and the base of a clone (docs/snapshots.md). */
  readonly snapshots: string;
}

/** Paths inside a phantom project, relative to its root. */
export const PROJECT_DIR = ".vrift";
export interface ProjectPaths {
  readonly dir: string;
  readonly workspaceFile: string;
  readonly staging: string;
  readonly whiteouts: string;
  readonly gitignore: string;
  /** Files that a command is just moving, and the list of them. */
  readonly moving: string;
  readonly intent: string;
}

/** Reads VRIFT_HOME, VR_THE_SOURCE and VRIFT_SOCKET from `env`. */
export function resolveHome(env: NodeJS.ProcessEnv = process.env): Home {
  const fromEnv = env["VRIFT_HOME"];
  const root = fromEnv ? resolve(fromEnv) : join(env["HOME"] || userInfo().homedir, ".vrift");
  const sockets = socketDirectory(root, env);
  const explicitSocket = env["VRIFT_SOCKET"];
  return {
    root,
    source: env["VR_THE_SOURCE"] ? resolve(env["VR_THE_SOURCE"]) : join(root, "the_source"),
    sockets,
    daemonSocket: explicitSocket ? resolve(explicitSocket) : join(sockets, "vriftd.sock"),
    controlSocket: join(sockets, "control.sock"),
    isDefault: !fromEnv && !explicitSocket,
    configFile: join(root, "config.toml"),
    daemonLock: join(root, "run", "vriftd.lock"),
    daemonLog: join(root, "log", "vriftd.log"),
  };
}

/**
 * `<home>/sockets`, or a short directory of the same user where that is too long for sun_path. The longest name in it
 * is `<32 hex>.sock`.
 */
export function socketDirectory(homeRoot: string, env: NodeJS.ProcessEnv = process.env): string {
  const direct = join(homeRoot, "sockets");
  if (Buffer.byteLength(direct) + 1 + 37 <= SOCKET_PATH_MAX) return direct;
  const tag = shortTag(homeRoot);
  const runtime = env["XDG_RUNTIME_DIR"];
  if (runtime && isAbsolute(runtime) && Buffer.byteLength(runtime) < 50) return join(runtime, `vrift-${tag}`);
  return join("/tmp", `vrift-${userInfo().uid}-${tag}`);
}

export function workspacePaths(home: Home, id: string): WorkspacePaths {
  const run = join(home.root, "run", id);
  return {
    id,
    db: join(home.root, "db", id),
    run,
    index: join(run, "index"),
    marks: join(run, "marks"),
    exportFile: join(run, "vrift-manifest.mmap"),
    socket: join(home.sockets, `${id}.sock`),
    control: join(home.sockets, `${id}.ctl`),
    lock: join(run, "vdir_d.lock"),
    log: join(run, "vdir_d.log"),
    snapshots: join(home.root, "snapshots", id),
  };
}

/** Of programs that were started with Spawn. */
export function childPaths(home: Home): { readonly logs: string; readonly records: string } {
  return { logs: join(home.root, "log", "children"), records: join(home.root, "run", "children") };
}

/** Of files that were protected with Protect. */
export function protectionDirectory(home: Home): string {
  return join(home.root, "protected");
}

export function projectPaths(root: string): ProjectPaths {
  const dir = join(root, PROJECT_DIR);
  return {
    dir,
    workspaceFile: join(dir, "workspace"),
    staging: join(dir, "staging"),
    whiteouts: join(dir, "whiteouts"),
    gitignore: join(dir, ".gitignore"),
    moving: join(dir, "moving"),
    intent: join(dir, "moving", "intent"),
  };
}

/** 8 hexadecimal digits of FNV-1a 32: distinguishes homes in a shared directory, nothing more. */
function shortTag(text: string): string {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash.toString(16).padStart(8, "0");
}
