import type { PhysicalReason } from "../workspace/policy.js";

/** What a person reads for each reason why a name stays a plain file, in the order of the summary. */
const reasons: Readonly<Record<PhysicalReason, string>> = {
  directory: "directories: programs change into them",
  symlink: "symbolic links",
  opaque: ".git and .vrift: left alone with all that is below",
  executable: "executables: the kernel starts them",
  elf: "libraries and other ELF files: the loader finds them",
  secret: "may hold secrets: kept out of the store",
  links: "several hard links to one file",
  special: "sockets, pipes and devices",
  owner: "another owner or file system than the root's",
  xattr: "extended attributes or ACLs",
  setid: "set-user-ID, set-group-ID or sticky",
  name: "names that are not UTF-8 or too long",
  unreadable: "not readable",
  workspace: "part of another workspace further in",
  writer: "open for writing; repeat the command later",
  changed: "changed meanwhile; repeat the command",
  pinned: "cannot be moved: immutable, or in a directory without write permission",
};

/** One line for each reason that occurs: `   12  symbolic links`. */
export function physicalLines(counts: Readonly<Partial<Record<PhysicalReason, number>>>): string[] {
  const rows = (Object.keys(reasons) as PhysicalReason[]).flatMap((reason) => {
    const count = counts[reason] ?? 0;
    return count > 0 ? [[String(count), reasons[reason]] as const] : [];
  });
  const width = Math.max(0, ...rows.map(([count]) => count.length));
  return rows.map(([count, text]) => `  ${count.padStart(width)}  ${text}`);
}
