/**
 * Who a directory is. A solid workspace is its path. A phantom one is data, so it has an identity of its own, kept in
 * `.vrift/workspace` with the device and inode of the root it was written for: a moved project is followed, a copied one
 * becomes somebody else.
 */
import { randomBytes } from "node:crypto";
import { lstatSync, readdirSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import {
  isErrno,
  makeDirectory,
  readPrivateFile,
  unlinkIfPresent,
  writeFileAtomic,
} from "../platform/files.js";
import { projectPaths } from "../platform/paths.js";
import { ID_LENGTH, readWorkspaceFile, solidId } from "../platform/workspace-id.js";
import type { WorkspaceFile } from "../platform/workspace-id.js";

export { readWorkspaceFile, solidId } from "../platform/workspace-id.js";
export type { WorkspaceFile } from "../platform/workspace-id.js";

export type Identity =
  | { readonly kind: "solid"; readonly id: string }
  /** `moved`: the recorded place, or the device and inode in the file, are not those of the root. */
  | { readonly kind: "phantom"; readonly id: string; readonly moved: boolean }
  /** A copy of a workspace that still exists at `original`: it needs an id and entries of its own. */
  | { readonly kind: "copy"; readonly of: string; readonly original: string };

export function newPhantomId(): string {
  return randomBytes(ID_LENGTH / 2).toString("hex");
}

/**
 * @param root real path of a directory.
 * @param recordedRoot where this home last saw the workspace of an id; undefined when it does not know it.
 */
export function identify(root: string, recordedRoot: (id: string) => string | undefined): Identity {
  const file = readWorkspaceFile(root);
  if (file === undefined) return { kind: "solid", id: solidId(root) };
  const recorded = recordedRoot(file.id);
  const written = isWrittenFor(file, root);
  const moved = recorded !== root || !written;
  if (written || recorded === undefined || recorded === root) return { kind: "phantom", id: file.id, moved };
  const original = readWorkspaceFile(recorded);
  if (original?.id === file.id && isWrittenFor(original, recorded))
    return { kind: "copy", of: file.id, original: recorded };
  return { kind: "phantom", id: file.id, moved };
}

/** Makes `.vrift/` with what belongs in it, then the file itself, durably: from now on the directory is phantom. */
export function writeWorkspaceFile(root: string, id: string): void {
  const project = projectPaths(root);
  makeProjectDirectories(root);
  const { dev, ino } = lstatSync(root, { bigint: true });
  const text = `id ${id}\ndevice ${dev}\ninode ${ino}\n`;
  writeFileAtomic(project.workspaceFile, Buffer.from(text), { durable: true });
}

/** Also mends what somebody removed. Modes are set whatever the umask. */
export function makeProjectDirectories(root: string): void {
  const project = projectPaths(root);
  for (const directory of [project.dir, project.staging, project.whiteouts]) makeDirectory(directory);
  if (readPrivateFile(project.gitignore) === undefined)
    writeFileAtomic(project.gitignore, Buffer.from("*\n"));
}

/** The directory is an ordinary one again. What is not ours in `.vrift/` (a config.toml) stays. */
export function removeProjectDirectory(root: string): void {
  const project = projectPaths(root);
  unlinkIfPresent(project.workspaceFile);
  for (const directory of [project.staging, project.whiteouts]) removeFlatDirectory(directory);
  unlinkIfPresent(project.gitignore);
  try {
    rmdirSync(project.dir);
  } catch (error) {
    if (!isErrno(error, "ENOTEMPTY", "EEXIST", "ENOENT")) throw error;
  }
}

function removeFlatDirectory(directory: string): void {
  try {
    for (const name of readdirSync(directory)) unlinkIfPresent(join(directory, name));
    rmdirSync(directory);
  } catch (error) {
    if (!isErrno(error, "ENOENT")) throw error;
  }
}

function isWrittenFor(file: WorkspaceFile, root: string): boolean {
  try {
    const { dev, ino } = lstatSync(root, { bigint: true });
    return dev === file.device && ino === file.inode;
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR")) return false;
    throw error;
  }
}
