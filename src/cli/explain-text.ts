/** What `vrift explain` found out, and how people read it. */
import { timeText } from "./entry-text.js";
import type { Seen } from "./explain-ask.js";
import type { LinkStep } from "./explain-links.js";
import { answererText, reasonSentence } from "./explain-reason.js";

export interface Explanation {
  /** As it was given. */
  readonly path: string;
  readonly links: readonly LinkStep[];
  /** Absolute, without symbolic links; null when they lead in a circle. */
  readonly real: string | null;
  readonly root: string;
  /** The file programs map; null when there is none. */
  readonly index: string | null;
  /** Relative to the root; null outside of it. */
  readonly key: string | null;
  readonly by: "index" | "kernel";
  /** A word of docs/observing.md. */
  readonly reason: string;
  readonly besides: readonly string[];
  /** More about the reason, when it is the index as a whole. */
  readonly detail: string | null;
  /** What stat failed with. */
  readonly errno: string | null;
  readonly seen: Seen | null;
  /** A file, directory or link is at the path, whatever the index says. */
  readonly physical: boolean;
  /** What the index has under the key, believed or not. */
  readonly entry: {
    readonly number: number;
    readonly flags: readonly string[];
    readonly mode: string;
    readonly size: bigint;
    readonly ino: bigint;
    readonly mtimeNs: bigint;
    /** 64 hexadecimal digits. */
    readonly hash: string | null;
  } | null;
  readonly pathHash: string | null;
  readonly markWord: number | null;
  /** Where the content of a virtual file is. */
  readonly blob: { readonly path: string; readonly state: "whole" | "cut" | "missing" } | null;
  /** Opening it for writing would put a private copy in place first. */
  readonly hydratedOnWrite: boolean;
}

const KINDS: readonly (readonly [type: number, name: string])[] = [
  [0o100000, "file"],
  [0o040000, "directory"],
  [0o010000, "FIFO"],
  [0o140000, "socket"],
  [0o020000, "character device"],
  [0o060000, "block device"],
];

export function explanationText(found: Explanation): string {
  const rows: [string, string][] = [["path", found.path]];
  for (const { link, target } of found.links) rows.push(["link", `${link} -> ${target}`]);
  rows.push(["leads to", found.real ?? "nowhere: more than 40 symbolic links"]);
  rows.push(["tree", found.key === null ? `${found.root}, which it is not in` : found.root]);
  rows.push(["answered", `by ${answererText(found.by, found.besides)}`]);
  rows.push(["because", `${found.detail ?? reasonSentence(found.reason)} (${found.reason})`]);
  if (found.besides.includes("whiteout"))
    rows.push(["removed", "the index has a virtual file here, which a program has removed or renamed"]);
  rows.push(["seen", seenText(found)]);
  if (found.entry !== null) {
    const { flags, number, hash, mode, size, mtimeNs } = found.entry;
    rows.push(["entry", `${flags.join(" ")}; number ${number}, mark ${found.markWord ?? "-"}`]);
    rows.push(["", `mode ${mode}, ${size} bytes, modified ${timeText(mtimeNs)}`]);
    if (hash !== null) rows.push(["hash", hash]);
  } else if (found.index !== null && found.key !== null) {
    rows.push(["entry", `none; mark ${found.markWord ?? "-"}`]);
  }
  if (found.blob !== null) rows.push(["blob", `${found.blob.path}, ${found.blob.state}`]);
  rows.push(["writing", writingText(found)]);
  return rows.map(([name, value]) => `${name.padEnd(9)} ${value}`.trimEnd()).join("\n");
}

function seenText({ seen, errno }: Explanation): string {
  if (seen === null) return errno ?? "nothing";
  const type = seen.mode & 0o170000;
  const kind = KINDS.find(([bits]) => bits === type)?.[1] ?? "something";
  const mode = (seen.mode & 0o7777).toString(8).padStart(4, "0");
  return `${kind}, mode ${mode}, ${seen.size} bytes, modified ${timeText(seen.mtimeNs)}, inode ${seen.ino}`;
}

function writingText({ hydratedOnWrite, seen, real }: Explanation): string {
  if (hydratedOnWrite) return `puts a private copy at ${real ?? "the path"} first`;
  return seen === null
    ? "is the kernel's: there is nothing to copy"
    : "is the kernel's: the file itself is there";
}
