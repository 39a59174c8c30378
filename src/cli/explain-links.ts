/** A path, one symbolic link after the other. Links are always physical, so this is the kernel's own way. */
import { readlinkSync } from "node:fs";
import { dirname, join, resolve, sep } from "node:path";
import { isErrno } from "../platform/files.js";

export interface LinkStep {
  /** Absolute path of the link. */
  readonly link: string;
  readonly target: string;
}

export interface Resolved {
  readonly links: readonly LinkStep[];
  /** Absolute, without a link; what is not there stays as it was written. undefined after more than 40 links. */
  readonly real: string | undefined;
}

const MOST_LINKS = 40;

/** @param from absolute path of the directory that `path` is relative to. */
export function resolveLinks(from: string, path: string): Resolved {
  const links: LinkStep[] = [];
  let rest = (path.startsWith(sep) ? path : `${from}${sep}${path}`).split(sep);
  let at: string = sep;
  while (rest.length > 0) {
    const [name = "", ...further] = rest;
    rest = further;
    if (name === "" || name === ".") continue;
    if (name === "..") {
      at = dirname(at);
      continue;
    }
    const next = join(at, name);
    const target = linkTarget(next);
    if (target === undefined) {
      at = next;
      continue;
    }
    links.push({ link: next, target });
    if (links.length > MOST_LINKS) return { links, real: undefined };
    if (target.startsWith(sep)) at = sep;
    rest = [...target.split(sep), ...rest];
  }
  return { links, real: resolve(at) };
}

function linkTarget(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch (error) {
    if (["EINVAL", "ENOENT", "ENOTDIR", "EACCES", "ENAMETOOLONG"].some((code) => isErrno(error, code)))
      return undefined;
    throw error;
  }
}
