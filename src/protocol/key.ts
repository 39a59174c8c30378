/** Wire path to key (DESIGN, section 3, "Paths"): relative to the root, `/`-separated; the root is "". Lexical only. */
import { VriftError } from "../platform/errors.js";
import { NAME_MAX, PATH_MAX } from "../platform/limits.js";

/**
 * @param root absolute real path of the workspace.
 * @param path relative to the root; a leading `/` or the absolute root itself is removed.
 * @throws VriftError EINVAL when it holds NUL or leaves the root; ENAMETOOLONG when it, a component of it, or the
 *   absolute path of the key is longer than the kernel takes.
 */
export function pathToKey(root: string, path: string): string {
  if (path.includes("\0")) throw new VriftError("EINVAL", `the path ${shown(path)} holds a NUL byte`);
  if (Buffer.byteLength(path) > PATH_MAX) throw tooLong(path);
  const rest = components(path);
  if (path.startsWith("/")) removeRoot(rest, components(root));
  const key = resolveDots(rest, path).join("/");
  if (Buffer.byteLength(root) + 1 + Buffer.byteLength(key) > PATH_MAX) throw tooLong(path);
  return key;
}

/** True of a path that ends with a slash (or `/.`): it names a directory or nothing, as for the kernel. */
export function saysDirectory(path: string): boolean {
  return path.endsWith("/") || path.endsWith("/.");
}

function components(path: string): string[] {
  return path.split("/").filter((part) => part !== "" && part !== ".");
}

/** Before `..` is resolved, so that `<root>/../x` is seen to leave the root. */
function removeRoot(parts: string[], rootParts: readonly string[]): void {
  if (rootParts.every((part, i) => parts[i] === part)) parts.splice(0, rootParts.length);
}

function resolveDots(parts: readonly string[], path: string): string[] {
  const resolved: string[] = [];
  for (const part of parts) {
    if (Buffer.byteLength(part) > NAME_MAX) throw tooLong(path);
    if (part !== "..") resolved.push(part);
    else if (resolved.pop() === undefined)
      throw new VriftError("EINVAL", `the path ${shown(path)} leaves the root`);
  }
  return resolved;
}

function tooLong(path: string): VriftError {
  return new VriftError("ENAMETOOLONG", `the path ${shown(path)} is too long`);
}

/** Quoted, at most 200 characters: error texts go over the wire and into logs. */
function shown(path: string): string {
  return JSON.stringify(path.length > 200 ? `${path.slice(0, 200)}…` : path);
}
