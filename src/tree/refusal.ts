/** Roots that no command may turn into content, and why. Everything is judged on real paths. */
import { lstatSync, realpathSync, statSync, statfsSync } from "node:fs";
import { userInfo } from "node:os";
import { dirname, join, relative } from "node:path";
import { VriftError } from "../platform/errors.js";
import { isErrno } from "../platform/files.js";
import { projectPaths } from "../platform/paths.js";
import type { Home } from "../platform/paths.js";
import { incompleteCloneOf } from "./clone-marker.js";

/** statfs f_type. */
const NFS_MAGIC = 0x6969;

export interface RootCheck {
  /** The person has said that programs outside vrift need not see the files of a git work tree. */
  readonly yes: boolean;
  readonly env?: NodeJS.ProcessEnv;
  /** f_type of the file system of an existing path. */
  readonly fileSystemType?: (path: string) => number;
}

/** The real path of a directory. ENOENT, ENOTDIR. */
export function realDirectory(path: string): string {
  const real = realpathSync(path);
  if (!statSync(real).isDirectory()) throw new VriftError("ENOTDIR", `${path} is not a directory`);
  return real;
}

/** Throws unless `root` (a real path) may become phantom. */
export function assertMayBePhantom(root: string, home: Home, check: RootCheck): void {
  const env = check.env ?? process.env;
  const places = [
    ["/", "the root of the file system"],
    [env["HOME"] || userInfo().homedir, "your home directory"],
    [userInfo().homedir, "your home directory"],
    ["/tmp", "the directory for temporary files"],
    [home.root, "vrift's own directory"],
    [home.source, "vrift's content store"],
  ] as const;
  for (const [path, what] of places) {
    if (realPath(path) === root) throw new VriftError("VRIFT_ROOT_REFUSED", `${root} is ${what}`);
  }
  for (const [path, what] of places) {
    if (isInside(realPath(path), root)) {
      throw new VriftError("VRIFT_ROOT_REFUSED", `${root} contains ${what} (${path})`);
    }
  }
  for (const path of [home.root, home.source]) {
    if (isInside(root, realPath(path))) {
      throw new VriftError("VRIFT_ROOT_REFUSED", `${root} is inside vrift's own directory ${path}`);
    }
  }
  assertNotInsidePhantom(root);
  assertComplete(root);
  assertLocalHome(home, check.fileSystemType ?? ((path) => statfsSync(path).type));
  const git = check.yes ? undefined : enclosingGitTree(root);
  if (git) {
    throw new VriftError(
      "VRIFT_GIT_TREE",
      `${root} is in the git work tree ${git}: to git outside of vrift its files would be deleted`,
    );
  }
}

/** A part of a phantom workspace cannot be one itself, nor be cloned alone: its virtual files belong to the whole. */
export function assertNotInsidePhantom(root: string): void {
  const outer = ancestors(dirname(root)).find((directory) => isPhantomRoot(directory));
  if (outer && outer !== root) {
    throw new VriftError("VRIFT_ROOT_REFUSED", `${root} is part of the phantom workspace ${outer}`);
  }
}

/** Half a clone is not the project. */
export function assertComplete(root: string): void {
  const source = incompleteCloneOf(root);
  if (source !== undefined) {
    const again = `vrift clone ${source} ${root}`;
    throw new VriftError(
      "VRIFT_ROOT_REFUSED",
      `${root} is an interrupted clone; repeat \`${again}\` or remove it`,
    );
  }
}

export function isPhantomRoot(directory: string): boolean {
  return exists(projectPaths(directory).workspaceFile);
}

export function isInside(path: string, directory: string): boolean {
  return path !== directory && path.startsWith(directory === "/" ? "/" : `${directory}/`);
}

function assertLocalHome(home: Home, fileSystemType: (path: string) => number): void {
  for (const [path, variable] of [
    [home.root, "VRIFT_HOME"],
    [home.source, "VR_THE_SOURCE"],
  ] as const) {
    if (fileSystemType(nearestExisting(path)) === NFS_MAGIC) {
      throw new VriftError(
        "VRIFT_ROOT_REFUSED",
        `${path} is on NFS, which has neither the locks nor the mappings vrift needs; set ${variable} to a local directory`,
      );
    }
  }
}

function enclosingGitTree(root: string): string | undefined {
  return ancestors(root).find((directory) => exists(join(directory, ".git")));
}

/** The directory itself and all above it. */
function ancestors(directory: string): string[] {
  const list = [directory];
  for (let at = directory; dirname(at) !== at;) list.push((at = dirname(at)));
  return list;
}

/** The real path, also of a name that is not there yet. */
function realPath(path: string): string {
  const existing = nearestExisting(path);
  return join(realpathSync(existing), relative(existing, path));
}

function nearestExisting(path: string): string {
  for (const directory of ancestors(path)) if (exists(directory)) return directory;
  return "/";
}

function exists(path: string): boolean {
  try {
    lstatSync(path);
    return true;
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR", "EACCES")) return false;
    throw error;
  }
}
