/** Tells a directory from another one that has taken its path, also when the file system gave that one the same inode number. */
import { lstatSync } from "node:fs";

export interface DirectoryIdentity {
  readonly dev: bigint;
  readonly ino: bigint;
  /** Time of birth; 0 where the file system does not keep it. */
  readonly bornNs: bigint;
}

/** ENOENT. Links are not followed. */
export function directoryIdentity(path: string): DirectoryIdentity {
  const { dev, ino, birthtimeNs } = lstatSync(path, { bigint: true });
  return { dev, ino, bornNs: birthtimeNs };
}

/** False also when nothing is there. */
export function isDirectory(path: string, { dev, ino, bornNs }: DirectoryIdentity): boolean {
  const now = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  return now?.dev === dev && now.ino === ino && now.birthtimeNs === bornNs;
}
