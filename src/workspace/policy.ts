/**
 * What may become virtual and what the kernel must find itself (DESIGN section 4). Pure: names and stat facts in, a
 * reason out. `phantom`, `clone`, `ingest` and the workspace's resync ask the same table.
 */

/**
 * Why a name stays a plain file. The first group is told from a scan record by `staysPhysical`; the second only by whoever
 * opens or moves the file (src/tree).
 */
export type PhysicalReason =
  | "opaque" // .git, .vrift
  | "name" // not UTF-8, or longer than PATH_MAX
  | "directory"
  | "symlink"
  | "special" // socket, FIFO, device
  | "setid" // set-user-ID, set-group-ID, sticky: an entry's private copy would lose or misplace them
  | "executable" // any x bit: exec is the kernel's
  | "links" // other names share the inode; groups stay together
  | "owner" // another uid, gid or file system than the root's
  | "xattr" // attributes and ACLs have no place in an entry
  | "secret" // see isSecret
  | "unreadable" // its own owner may not read it; a blob is readable
  //
  | "workspace" // belongs to a phantom workspace further in
  | "elf" // loaded by ld.so or dlopen, whatever its mode
  | "writer" // open for writing somewhere
  | "changed" // not the file that was scanned or hashed any more
  | "pinned"; // cannot be moved: immutable, in a directory without write permission, a mount point

/** The facts of a scan record that decide; a ScanEntry of src/platform/scan.ts is one. */
export interface PolicyEntry {
  readonly key: string;
  readonly validUtf8: boolean;
  readonly type: "file" | "dir" | "symlink" | "special";
  /** st_mode & 07777. */
  readonly mode: number;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  readonly dev: bigint;
  readonly xattr: boolean;
}

/** Owner and device of the root: what every virtual file of the workspace shows. */
export interface PolicyOwner {
  readonly uid: number;
  readonly gid: number;
  readonly dev: bigint;
}

/** Longest key, in bytes: PATH_MAX with its NUL. */
const KEY_MAX = 4095;

const SPECIAL_BITS = 0o7000;
const EXECUTE_BITS = 0o111;
const OWNER_READ = 0o400;
const OWNER_WRITE_SEARCH = 0o300;

/**
 * Names whose content is never looked at, and everything below them: `.git` (directory or file) and `.vrift` anywhere. A
 * `.vrift` further in belongs to another workspace.
 */
export function isOpaque(key: string): boolean {
  return /(?:^|\/)\.(?:git|vrift)(?:\/|$)/.test(key);
}

/** Templates are meant to be read by everybody. */
const ENV_TEMPLATES = new Set([".env.example", ".env.sample", ".env.template"]);

const SECRET_NAMES = new Set([
  ".env",
  ".envrc",
  ".npmrc",
  ".netrc",
  "_netrc",
  ".pypirc",
  ".pgpass",
  ".my.cnf",
  ".htpasswd",
  ".dockercfg",
  ".git-credentials",
  ".vault-token",
  "credentials",
  "credentials.json",
]);

const SECRET_SUFFIXES = [".pem", ".key", ".p12", ".pfx", ".jks", ".keystore", ".kdbx", ".ppk"];

const SECRET_PREFIXES = [".env.", "id_rsa", "id_dsa", "id_ecdsa", "id_ed25519"];

/**
 * True for the name (last component) of a file that commonly holds a credential. Such files are neither copied into the
 * store, which outlives the project and is shared by all of them, nor removed from their place. It errs towards true: a
 * test certificate in node_modules stays a plain file, which costs its disk space and nothing else.
 */
export function isSecret(name: string): boolean {
  const lower = name.toLowerCase();
  if (ENV_TEMPLATES.has(lower)) return false;
  return (
    SECRET_NAMES.has(lower) ||
    SECRET_SUFFIXES.some((suffix) => lower.endsWith(suffix)) ||
    SECRET_PREFIXES.some((prefix) => lower.startsWith(prefix))
  );
}

/**
 * Why this entry cannot be virtual, or null when nothing in its scan record speaks against it. The strongest reason wins,
 * so that counts by reason mean what a person would say of the file.
 */
export function staysPhysical(entry: PolicyEntry, owner: PolicyOwner): PhysicalReason | null {
  if (!entry.validUtf8) return "name";
  if (isOpaque(entry.key)) return "opaque";
  if (entry.type === "dir") return "directory";
  if (entry.type === "symlink") return "symlink";
  if (entry.type === "special") return "special";
  if (Buffer.byteLength(entry.key) > KEY_MAX) return "name";
  if (entry.mode & SPECIAL_BITS) return "setid";
  if (entry.mode & EXECUTE_BITS) return "executable";
  if (entry.nlink > 1) return "links";
  if (entry.uid !== owner.uid || entry.gid !== owner.gid || entry.dev !== owner.dev) return "owner";
  if (entry.xattr) return "xattr";
  if (isSecret(entry.key.slice(entry.key.lastIndexOf("/") + 1))) return "secret";
  if (!(entry.mode & OWNER_READ)) return "unreadable";
  return null;
}

/** True for the first bytes of an ELF file: ld.so and dlopen find such files through the kernel, whatever their mode. */
export function isElf(head: Uint8Array): boolean {
  return head.length >= 4 && head[0] === 0x7f && head[1] === 0x45 && head[2] === 0x4c && head[3] === 0x46;
}

/** False for the mode of a directory in which its own owner can make no names: a virtual file could not be written there. */
export function isOpenToOwner(mode: number): boolean {
  return (mode & OWNER_WRITE_SEARCH) === OWNER_WRITE_SEARCH;
}
