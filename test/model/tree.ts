/**
 * What the manifest requests mean, without a daemon: a tree in memory, the answer to each request, and every tree that a
 * request may leave behind when nobody was told its answer.
 */
import { hashBytes, hashToHex } from "../../src/platform/hash.js";
import type { VeloRequest } from "../../src/protocol/messages.js";

export interface ModelFile {
  readonly text: string;
  readonly mode: number;
  readonly mtime: bigint;
}

/** By key; null is a directory. Never changed once made. */
export type ModelTree = ReadonlyMap<string, ModelFile | null>;

export type ManifestRequest = Extract<VeloRequest, { type: `Manifest${string}` }>;

/** A request, and what the model must know besides. */
export interface ModelRequest {
  readonly request: ManifestRequest;
  /** Content of an upserted file, or the file that is handed over. */
  readonly file?: ModelFile;
}

export type Answer =
  | { readonly error: string }
  | { readonly entry: ModelFile | "directory" | null }
  | { readonly names: readonly string[] };

/** What the request answers, and the tree after it. */
export function applied(tree: ModelTree, request: ModelRequest): { answer: Answer; after: ModelTree } {
  const { error, answer, change } = step(tree, request);
  if (error !== undefined) return { answer: { error }, after: tree };
  return { answer: answer!, after: change?.() ?? tree };
}

/**
 * Trees that a request leaves whose process was killed at any moment: as if never asked, done, or with only some of the
 * directories above a new file, which are made one by one before it.
 */
export function possibleAfter(tree: ModelTree, request: ModelRequest): ModelTree[] {
  const { after } = applied(tree, request);
  if (after === tree) return [tree];
  const partial = partOfParents(tree, request.request);
  return [tree, ...partial, after];
}

export function parentOf(key: string): string {
  return key.slice(0, Math.max(0, key.lastIndexOf("/")));
}

export function childrenOf(tree: ModelTree, key: string): string[] {
  const names: string[] = [];
  for (const other of tree.keys())
    if (other !== "" && other !== key && parentOf(other) === key) names.push(other);
  return names;
}

interface Step {
  readonly error?: string | undefined;
  readonly answer?: Answer;
  readonly change?: () => ModelTree;
}

function step(tree: ModelTree, { request, file }: ModelRequest): Step {
  switch (request.type) {
    case "ManifestGet":
      return { answer: { entry: entryOf(tree, request.path) } };
    case "ManifestListDir":
      return list(tree, request.path);
    case "ManifestUpsert":
      return request.entry.flags === 1
        ? makeDirectory(tree, request.path)
        : putFile(tree, request.path, file!);
    case "ManifestReingest":
      return handOver(tree, request.vpath, file!);
    case "ManifestRemove":
      return remove(tree, request.path);
    case "ManifestUpdateMtime":
      return updateMtime(tree, request.path, request.mtime_ns);
    case "ManifestRename":
      return rename(tree, request.old_path, request.new_path);
  }
}

function entryOf(tree: ModelTree, key: string): ModelFile | "directory" | null {
  const found = tree.get(key);
  return found === undefined ? null : (found ?? "directory");
}

/** What the directories above a key make of it, as the kernel finds it. */
function above(tree: ModelTree, key: string): "ENOENT" | "ENOTDIR" | undefined {
  const parents: string[] = [];
  for (let parent = parentOf(key); parent !== ""; parent = parentOf(parent)) parents.unshift(parent);
  for (const parent of parents) {
    const found = tree.get(parent);
    if (found !== null) return found === undefined ? "ENOENT" : "ENOTDIR";
  }
  return undefined;
}

function withParents(tree: ModelTree, key: string): Map<string, ModelFile | null> {
  const next = new Map(tree);
  for (let parent = parentOf(key); parent !== "" && !next.has(parent); parent = parentOf(parent))
    next.set(parent, null);
  return next;
}

function list(tree: ModelTree, key: string): Step {
  const found = tree.get(key);
  if (found === undefined) return { error: "ENOENT" };
  if (found !== null) return { error: "ENOTDIR" };
  const names = childrenOf(tree, key).map((child) => {
    const name = child.slice(key === "" ? 0 : key.length + 1);
    return tree.get(child) === null ? `${name}/` : name;
  });
  return { answer: { names: names.sort() } };
}

function putFile(tree: ModelTree, key: string, file: ModelFile): Step {
  if (above(tree, key) === "ENOTDIR") return { error: "ENOTDIR" };
  if (tree.get(key) === null) return { error: "EISDIR" };
  return { answer: { entry: file }, change: () => withParents(tree, key).set(key, file) };
}

function makeDirectory(tree: ModelTree, key: string): Step {
  if (above(tree, key) === "ENOTDIR") return { error: "ENOTDIR" };
  const found = tree.get(key);
  if (found) return { error: "EEXIST" };
  const change = (): ModelTree => (found === null ? tree : withParents(tree, key).set(key, null));
  return { answer: { entry: "directory" }, change };
}

/** An existing file keeps its mode. */
function handOver(tree: ModelTree, key: string, file: ModelFile): Step {
  return putFile(tree, key, { ...file, mode: tree.get(key)?.mode ?? file.mode });
}

function remove(tree: ModelTree, key: string): Step {
  if (childrenOf(tree, key).length > 0) return { error: "ENOTEMPTY" };
  const change = (): ModelTree => {
    if (!tree.has(key)) return tree;
    const next = new Map(tree);
    next.delete(key);
    return next;
  };
  return { answer: { entry: null }, change };
}

function updateMtime(tree: ModelTree, key: string, mtime: bigint): Step {
  const found = tree.get(key);
  if (found === undefined) return { error: "ENOENT" };
  if (found === null) return { answer: { entry: "directory" } };
  const next = { ...found, mtime };
  return { answer: { entry: next }, change: () => new Map(tree).set(key, next) };
}

function rename(tree: ModelTree, from: string, to: string): Step {
  const error = renameError(tree, from, to);
  if (error !== undefined) return { error };
  const moved = [...tree].filter(([key]) => key === from || key.startsWith(`${from}/`));
  const change = (): ModelTree => {
    if (from === to) return tree;
    const next = new Map(tree);
    for (const [key] of moved) next.delete(key);
    for (const [key, value] of moved) next.set(to + key.slice(from.length), value);
    return next;
  };
  return { answer: { entry: entryOf(tree, from) }, change };
}

/** rename(2)'s. */
function renameError(tree: ModelTree, from: string, to: string): string | undefined {
  const unreachable = above(tree, from) ?? above(tree, to);
  if (unreachable !== undefined) return unreachable;
  const [source, target] = [tree.get(from), tree.get(to)];
  if (source === undefined) return "ENOENT";
  if (to.startsWith(`${from}/`)) return "EINVAL";
  if (from === to) return undefined;
  if (from.startsWith(`${to}/`)) return "ENOTEMPTY";
  if (source !== null) return target === null ? "EISDIR" : undefined;
  if (target) return "ENOTDIR";
  return childrenOf(tree, to).length > 0 ? "ENOTEMPTY" : undefined;
}

function partOfParents(tree: ModelTree, request: ManifestRequest): ModelTree[] {
  if (request.type !== "ManifestUpsert" && request.type !== "ManifestReingest") return [];
  const key = request.type === "ManifestUpsert" ? request.path : request.vpath;
  const missing: string[] = [];
  for (let parent = parentOf(key); parent !== "" && !tree.has(parent); parent = parentOf(parent))
    missing.unshift(parent);
  return missing.map(
    (_, i) => new Map([...tree, ...missing.slice(0, i + 1).map((name) => [name, null] as const)]),
  );
}

/** For comparing trees and for messages. */
export function treeText(tree: ModelTree): string {
  return [...tree]
    .map(
      ([key, file]) =>
        `${key} ${file === null ? "dir" : `${file.text} ${file.mode.toString(8)} ${file.mtime}`}`,
    )
    .sort()
    .join("\n");
}

export function hashOfText(text: string): string {
  return hashToHex(hashBytes(Buffer.from(text)));
}
