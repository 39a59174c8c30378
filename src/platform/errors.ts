/**
 * The one table of error codes. Codes are errno names where the kernel has one for the case, and `VRIFT_…` names where
 * it has not. Help, documentation and tests are made from this table.
 */
import { getSystemErrorMap } from "node:util";

export const errorTable = {
  ENOENT: "Check the spelling of the path; `vrift ls` shows what the workspace has.",
  ENOTDIR: "A component of the path is not a directory.",
  EISDIR: "Name a file, not a directory.",
  ENOTEMPTY: "Remove what is in the directory first.",
  EEXIST: "Something is already there; choose another name or remove it.",
  EINVAL: "Correct the request; the message names the field.",
  EACCES: "Check owner and permissions; vrift works only on what belongs to you.",
  EPERM: "Run as the owner of the tree.",
  EIO: "`vrift verify` repairs what it can; check that the store is the tree's (`vrift status` names it), and its disk.",
  ENOSPC:
    "Free space where home, store and tree are (`vrift status` names them) and repeat the command; what was done is kept.",
  EDQUOT: "Free space within your quota and repeat the command; what was done is kept.",
  EFBIG:
    "Raise the limit on the size of files (`ulimit -f`) of whoever starts the daemon, or use a file system that has large ones.",
  EROFS: "The file system is mounted read-only.",
  EMFILE: "Raise the limit on open files (`ulimit -n`).",
  EXDEV: "Source and destination are on different file systems.",
  EMSGSIZE: "The message is over the frame limit of 16 MiB; ask for a smaller part.",
  EBADMSG: "The bytes are not a valid message; compare with docs/protocol.md.",
  EPROTO: "Client and daemon speak different protocol versions; install one release of vrift for both.",
  ENOSYS: "This request is specified but not served by this release.",
  EWOULDBLOCK: "Somebody else holds the lock; try again later or without LOCK_NB.",
  EINTR: "The connection ended its side while it waited; keep it open until the lock is there.",
  ENOLCK: "Release locks of this connection first, or open another one.",
  EAGAIN: "So many are running already; try again when one of them has ended.",
  E2BIG: "Shorten arguments and environment; the kernel's limit is on both together.",
  ENOEXEC: "Name a program, or give the script a first line with its interpreter (#!).",
  ELOOP: "Name the file itself, not a symbolic link.",
  ETIMEDOUT: "The daemon did not answer in time; `vrift daemon logs` shows what it was doing.",
  ECONNREFUSED: "No daemon answers on the socket; `vrift daemon start` starts one.",
  ECONNRESET: "The daemon closed the connection; `vrift daemon logs` shows why.",
  EBUSY: "Something uses it right now; wait for it to end and repeat the command.",
  ENAMETOOLONG: "Shorten the path; the limit is 4,096 bytes, 255 for one name.",
  EILSEQ: "The name is not valid UTF-8; such names stay plain files.",
  VRIFT_USAGE: "`vrift --help` lists the commands, `vrift COMMAND --help` explains one.",
  VRIFT_CONFIG: "Correct the named line of the configuration file, or the environment variable.",
  VRIFT_ROOT_REFUSED: "Choose a directory of the project, or name it with --root if you mean it.",
  VRIFT_NOT_PHANTOM: "`vrift status` shows the workspaces; `vrift phantom DIR` makes one.",
  VRIFT_OTHER_HOME:
    "Use the home it was made with (VRIFT_HOME, or the user); if its `db/` is lost, restore it from a backup.",
  VRIFT_ONLY_COPY: "Take out what you need, or repeat with --discard to give it up.",
  VRIFT_GIT_TREE: "Repeat with --yes if programs outside vrift need not see the files.",
  VRIFT_NO_DAEMON: "`vrift doctor` looks for the reason; programs run on with real files meanwhile.",
  VRIFT_STALE_DAEMON: "End the programs that use it, then `vrift daemon restart`.",
  VRIFT_DAMAGED: "`vrift doctor` says what is damaged and what still stands.",
  VRIFT_NO_COMPILER: "Install a C compiler and make (Debian: apt-get install gcc libc6-dev make).",
} as const;

export type ErrorCode = keyof typeof errorTable;

export function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === "string" && Object.hasOwn(errorTable, code);
}

/** An error a person or a client reads: a stable code, a sentence with the operand, what to do next, and the cause. */
export class VriftError extends Error {
  override readonly name = "VriftError";
  readonly code: ErrorCode;

  /** @param message one sentence naming the operand, without the code. */
  constructor(code: ErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
  }

  /** What to do next, from the table. */
  get hint(): string {
    return errorTable[this.code];
  }

  /** `CODE: sentence`, the form of the specification's `Error(String)`. */
  toWire(): string {
    return `${this.code}: ${this.message}`;
  }
}

/**
 * Turns anything thrown into a VriftError: errno codes of Node's errors are kept, all else becomes `fallback`. The one place where
 * what Node says of a system call ("ENOENT: no such file or directory, rename 'a' -> 'b'") becomes a sentence of ours.
 */
export function toVriftError(thrown: unknown, fallback: ErrorCode = "EIO"): VriftError {
  if (thrown instanceof VriftError) return thrown;
  const code = thrown instanceof Error ? (thrown as NodeJS.ErrnoException).code : undefined;
  const said = systemErrorText(thrown);
  if (isErrorCode(code) && said !== undefined) return new VriftError(code, said, { cause: thrown });
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  if (isErrorCode(code)) return new VriftError(code, message.replace(/^[A-Z0-9]+: /, ""), { cause: thrown });
  return new VriftError(fallback, said === undefined ? message : `${said} (${code})`, { cause: thrown });
}

/** `a to b: no such file or directory`; undefined for what is no error of a system call. */
function systemErrorText(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error)) return undefined;
  const { errno, syscall, path, dest, address } = thrown as NodeJS.ErrnoException & {
    dest?: string;
    address?: string;
  };
  const reason = errno === undefined ? undefined : getSystemErrorMap().get(errno)?.[1];
  if (reason === undefined || syscall === undefined) return undefined;
  const operand = path ?? address;
  if (operand === undefined) return `${syscall}: ${reason}`;
  return `${operand}${dest === undefined ? "" : ` to ${dest}`}: ${reason}`;
}
