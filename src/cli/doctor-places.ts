/** Doctor's looks at the home, the store and the working tree: permissions, and what their file systems can do. */
import {
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  mkdtempSync,
  openSync,
  rmSync,
  statSync,
  statfsSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { toVriftError } from "../platform/errors.js";
import { isErrno, O_TMPFILE } from "../platform/files.js";
import { assertOwnSource } from "../platform/home-source.js";
import { SOCKET_PATH_MAX, SPECIFIED_SOCKET } from "../platform/paths.js";
import type { Home } from "../platform/paths.js";
import type { Finding } from "./doctor-finding.js";

const NFS_MAGIC = 0x6969;

export function homePermissions(home: Home): Finding {
  const status = statSync(home.root, { throwIfNoEntry: false });
  if (!status) return { level: "ok", what: `home ${home.root} (not made yet)` };
  if (status.uid !== process.getuid?.()) {
    return {
      level: "fail",
      what: `home ${home.root} belongs to another user`,
      advice: "Set VRIFT_HOME to a directory of yours.",
    };
  }
  if ((status.mode & 0o077) !== 0) {
    const mode = (status.mode & 0o777).toString(8);
    return {
      level: "warn",
      what: `home ${home.root} is open to others (mode ${mode})`,
      advice: `chmod 700 ${home.root}`,
    };
  }
  return { level: "ok", what: `home ${home.root}` };
}

export function notOnNfs(home: Home): Finding {
  const remote = [home.root, home.source].find(
    (path) => statfsSync(nearestExisting(path)).type === NFS_MAGIC,
  );
  if (!remote) return { level: "ok", what: "home and store are on local file systems" };
  return {
    level: "fail",
    what: `${remote} is on NFS, which has neither the locks nor the mappings vrift needs`,
    advice: "Set VRIFT_HOME (and VR_THE_SOURCE) to a local directory.",
  };
}

export function sockets(home: Home): Finding {
  const tooLong = [home.daemonSocket, home.controlSocket].find(
    (path) => Buffer.byteLength(path) > SOCKET_PATH_MAX,
  );
  if (tooLong) {
    return {
      level: "fail",
      what: `socket path over ${SOCKET_PATH_MAX} bytes: ${tooLong}`,
      advice: "Shorten VRIFT_SOCKET or VRIFT_HOME.",
    };
  }
  const specified = home.isDefault ? statSync(SPECIFIED_SOCKET, { throwIfNoEntry: false }) : undefined;
  if (specified && specified.uid !== process.getuid?.()) {
    return {
      level: "warn",
      what: `${SPECIFIED_SOCKET} belongs to another user; our own programs use ${home.daemonSocket}`,
      advice: "Nothing to do, unless other clients look for it there.",
    };
  }
  return { level: "ok", what: `sockets ${home.daemonSocket}, ${home.controlSocket}` };
}

/** Tries it, in a directory of its own that is removed again. */
export function store(home: Home): Finding[] {
  try {
    assertOwnSource(home);
  } catch (error) {
    const { message, hint } = toVriftError(error);
    return [{ level: "fail", what: message, advice: hint }];
  }
  return tryIn(existsSync(home.source) ? home.source : nearestExisting(home.source), (directory) => [
    { level: "ok", what: `store ${home.source} is writable, ${freeSpace(directory)} free` },
    reflinks(directory),
  ]);
}

export function workingTree(root: string, home: Home): Finding[] {
  const findings: Finding[] = [];
  const sameDevice = statSync(root).dev === statSync(nearestExisting(home.source)).dev;
  findings.push(
    sameDevice
      ? { level: "ok", what: `${root} and the store are on one file system` }
      : {
          level: "warn",
          what: `${root} and the store are on different file systems: content is copied in and out`,
          advice: "Set VR_THE_SOURCE to a directory on the file system of the projects.",
        },
  );
  return [...findings, unnamedFiles(root)];
}

function tryIn(parent: string, look: (directory: string) => Finding[]): Finding[] {
  let directory: string;
  try {
    directory = mkdtempSync(join(parent, ".vrift-doctor-"));
  } catch (error) {
    return [
      {
        level: "fail",
        what: `${parent} cannot be written: ${toVriftError(error).message}`,
        advice: "Check its owner and permissions, and the space left on its file system.",
      },
    ];
  }
  try {
    return look(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function reflinks(directory: string): Finding {
  const from = join(directory, "from");
  writeFileSync(from, "content");
  try {
    copyFileSync(from, join(directory, "to"), constants.COPYFILE_FICLONE_FORCE);
    return { level: "ok", what: "the store's file system shares content between files (reflinks)" };
  } catch {
    return {
      level: "ok",
      what: "the store's file system has no reflinks: the first write to a file copies its content",
    };
  }
}

/** Leaves no trace: a file without a name does not even move the directory's times. */
function unnamedFiles(directory: string): Finding {
  try {
    closeSync(openSync(directory, O_TMPFILE | constants.O_WRONLY, 0o600));
    return { level: "ok", what: `${directory} is writable; files without a name (O_TMPFILE) work there` };
  } catch (error) {
    if (isErrno(error, "EOPNOTSUPP", "EISDIR", "EINVAL")) {
      return { level: "ok", what: "no files without a name (O_TMPFILE) there; staging names are used" };
    }
    return {
      level: "warn",
      what: `${directory} cannot be written: ${toVriftError(error).message}`,
      advice: "Programs can read it under `vrift run`; phantom, solid and clone need to write.",
    };
  }
}

function freeSpace(directory: string): string {
  const { bavail, bsize } = statfsSync(directory);
  return `${Math.floor((bavail * bsize) / 2 ** 30)} GiB`;
}

function nearestExisting(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : nearestExisting(dirname(path));
}
