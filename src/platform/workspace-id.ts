/**
 * Who a directory is. A solid workspace is its path. A phantom one is data, so it has an identity of its own, kept in
 * `.vrift/workspace` with the device and inode of the root it was written for.
 */
import { VriftError } from "./errors.js";
import { isErrno, readPrivateFile } from "./files.js";
import { hashBytes, hashToHex } from "./hash.js";
import { projectPaths } from "./paths.js";

/** Hexadecimal digits of a workspace id. */
export const ID_LENGTH = 32;

export interface WorkspaceFile {
  readonly id: string;
  readonly device: bigint;
  readonly inode: bigint;
}

/** @param root real path of a directory. */
export function solidId(root: string): string {
  return hashToHex(hashBytes(Buffer.from(root))).slice(0, ID_LENGTH);
}

/** undefined: no such file, so not a phantom workspace. VRIFT_DAMAGED when it cannot be understood. */
export function readWorkspaceFile(root: string): WorkspaceFile | undefined {
  const path = projectPaths(root).workspaceFile;
  let bytes: Buffer | undefined;
  try {
    bytes = readPrivateFile(path);
  } catch (error) {
    if (isErrno(error, "ENOTDIR")) return undefined;
    throw error;
  }
  if (bytes === undefined) return undefined;
  const match = /^id ([0-9a-f]{32})\ndevice (\d{1,20})\ninode (\d{1,20})\n$/.exec(bytes.toString("latin1"));
  if (match === null) throw new VriftError("VRIFT_DAMAGED", `${path} does not say which workspace this is`);
  return { id: match[1]!, device: BigInt(match[2]!), inode: BigInt(match[3]!) };
}
