/** The names of a workspace as they are now, in the form that snapshots have, but for hashes nobody has computed. */
import { readlinkSync } from "node:fs";
import { join } from "node:path";
import { VriftError, toVriftError } from "../platform/errors.js";
import { isErrno } from "../platform/files.js";
import { hashToHex } from "../platform/hash.js";
import type { ScanEntry } from "../platform/scan.js";
import { hashContent } from "../workspace/content.js";
import { foreignNames } from "../workspace/kernel-names.js";
import { listTree } from "../workspace/tree-names.js";
import { ownerOf } from "./candidates.js";
import type { TreeContext } from "./context.js";
import { KnownContent } from "./known-content.js";
import type { RecordedDirectory, RecordedFile, RecordedLink, RecordedStamps } from "./recorded-tree.js";
import { permissions, statFile } from "../workspace/stat-file.js";

export interface PresentFile extends Omit<RecordedFile, "hash"> {
  /** Of a virtual file; of a physical one when it is known, or was computed. */
  hash?: string;
  /** Of a physical file. */
  readonly scan?: ScanEntry;
}

export type PresentName = RecordedDirectory | PresentFile | RecordedLink;

export interface PresentTree {
  /** By key; "" is the root. */
  readonly names: Map<string, PresentName>;
  /** Names that are left to the kernel, and to themselves: sockets, secrets, `.git`. */
  readonly leftAlone: ReadonlySet<string>;
  /** Directories whose names are not all here. */
  readonly unreadable: readonly string[];
  /** Physical files with attributes or ACLs, which no snapshot has. */
  readonly attributes: number;
}

const PAGE = 2000;

/**
 * Virtual names first, then the physical ones: what a program writes meanwhile is in the scan, or was an entry, or both, and the file
 * wins. @param only keys that are wanted; everything when left out.
 */
export async function readPresent(
  { access, home }: Pick<TreeContext, "access" | "home">,
  root: string,
  only: (key: string) => boolean = () => true,
): Promise<PresentTree> {
  const names = new Map<string, PresentName>();
  for (let after = ""; ;) {
    const page = await access.entries(root, after, PAGE);
    if (page.length === 0) break;
    for (const { path, hash, size, mtimeNs, mode, blocks } of page)
      if (only(path))
        names.set(path, {
          ...{ type: "file", mode, blocks, hash, virtual: true },
          ...{ mtimeNs: BigInt(mtimeNs), size: BigInt(size) },
        });
    after = page.at(-1)!.path;
  }
  const owner = { root, owner: ownerOf(root), foreign: foreignNames(home, root) };
  const physical = await listTree(owner);
  const known = new KnownContent((await access.open(root)).index);
  const links = linkGroups(physical.names.values());
  const unreadable: string[] = [];
  let attributes = 0;
  for (const [key, entry] of physical.names) {
    if (!only(key)) continue;
    const name = presentName(root, entry, links.get(`${entry.dev}:${entry.ino}`), known);
    if (name === undefined) names.delete(key);
    else names.set(key, name);
    if (entry.xattr) attributes += 1;
    if (entry.type === "dir" && entry.errno !== 0) unreadable.push(key);
  }
  const top = statFile(root);
  if (top?.isDirectory() !== true) throw new VriftError("ENOENT", `${root} is not there any more`);
  if (only("")) names.set("", { type: "dir", mode: permissions(top), mtimeNs: top.mtimeNs });
  return { names, leftAlone: new Set(physical.stubs.keys()), unreadable, attributes };
}

/** EACCES: what is not known must not pass for gone. */
export function assertReadable(root: string, { unreadable: [first] }: PresentTree): void {
  if (first !== undefined) throw new VriftError("EACCES", `${join(root, first)} cannot be read`);
}

/** As snapshots keep it (recorded-tree.ts). */
export function stampText({ ino, ctimeNs }: Pick<ScanEntry, "ino" | "ctimeNs">): string {
  return `${ino}:${ctimeNs}`;
}

/**
 * Whether a file still has the content that was recorded. It is read only when nothing else tells. A file that does not hold still, or
 * went, has another.
 * @param stamps of the physical files when they were recorded.
 */
export async function hasContent(
  root: string,
  key: string,
  file: PresentFile,
  recorded: Pick<RecordedFile, "hash" | "size" | "mtimeNs">,
  stamps: RecordedStamps,
): Promise<boolean> {
  if (file.size !== recorded.size) return false;
  const { scan } = file;
  if (file.hash === undefined && scan !== undefined) {
    const unchanged = scan.mtimeNs === recorded.mtimeNs && stamps.get(key) === stampText(scan);
    if (unchanged) file.hash = recorded.hash;
    else {
      try {
        file.hash = hashToHex((await hashContent(join(root, key))).hash);
      } catch (error) {
        if (!isErrno(error, "ENOENT", "EBUSY", "ENOTDIR", "ELOOP")) throw toVriftError(error);
        return false;
      }
    }
  }
  return file.hash === recorded.hash;
}

function presentName(
  root: string,
  entry: ScanEntry,
  group: readonly string[] | undefined,
  known: KnownContent,
): PresentName | undefined {
  const { type, mode, mtimeNs, size, blocks } = entry;
  if (type === "dir") return { type, mode, mtimeNs };
  if (type === "symlink") {
    try {
      return { type, mtimeNs, target: readlinkSync(join(root, entry.key), "latin1") };
    } catch (error) {
      if (isErrno(error, "ENOENT", "EINVAL", "ENOTDIR")) return undefined; // gone, or something else by now
      throw error;
    }
  }
  const linkedTo = group !== undefined && group.length > 1 ? { linkedTo: group[0]! } : {};
  const content = known.hashOf(entry);
  const hash = content === undefined ? {} : { hash: hashToHex(content) };
  return { type: "file", mode, mtimeNs, size, blocks, virtual: false, scan: entry, ...hash, ...linkedTo };
}

/** Keys that share an inode, sorted. */
function linkGroups(entries: Iterable<ScanEntry>): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const { key, type, nlink, dev, ino } of entries) {
    if (type !== "file" || nlink < 2) continue;
    const group = groups.get(`${dev}:${ino}`);
    if (group === undefined) groups.set(`${dev}:${ino}`, [key]);
    else group.push(key);
  }
  for (const group of groups.values()) group.sort();
  return groups;
}
