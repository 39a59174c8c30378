/** `vrift explain`: docs/observing.md. Starts nothing and changes nothing: it shows how things stand. */
import { existsSync, lstatSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { VriftError } from "../platform/errors.js";
import { workspacePaths } from "../platform/paths.js";
import { blobFile, storeLayout } from "../store/blob-names.js";
import { constants } from "../vdir/layout.js";
import { IndexReader } from "../vdir/index-reader.js";
import type { IndexEntry } from "../vdir/index-reader.js";
import { readWorkspaceFile, solidId } from "../workspace/identity.js";
import { jsonOption, rootOption } from "./command.js";
import type { Command, Context } from "./command.js";
import { askLibrary } from "./explain-ask.js";
import type { Asked } from "./explain-ask.js";
import { distrustReason, entryOf, flagNames, refusalReason } from "./explain-index.js";
import { resolveLinks } from "./explain-links.js";
import { explanationText } from "./explain-text.js";
import type { Explanation } from "./explain-text.js";
import { observedLibraryPath } from "./library-path.js";
import { workspaceRoot } from "./located.js";

export const explain: Command = {
  name: "explain",
  summary: "say which layer answers for a path under run, and why",
  usage: ["explain PATH..."],
  about: [
    "The answer is the library's own: a program with the library in it asks for each path from this directory. The tree\n" +
      "is PATH's own, or --root. Nothing is started: what `vrift run` would start is said.",
  ],
  options: { ...rootOption, ...jsonOption },
  positionals: [1, Number.POSITIVE_INFINITY],
  run(context) {
    const explanations = context.positionals.map((path) => explainOne(context, path));
    const text = explanations.map(explanationText).join("\n\n");
    return Promise.resolve({ data: explanations, text });
  },
};

function explainOne(context: Context, path: string): Explanation {
  if (path === "") throw new VriftError("VRIFT_USAGE", "explain: a path cannot be empty");
  const { links, real } = resolveLinks(context.cwd, path);
  const { root, index } = treeOf(context, real ?? resolve(context.cwd, path));
  const base = { path, links, real: real ?? null, root, index: index ?? null };
  const below = real === undefined ? undefined : relative(root, real);
  const key = below === undefined || below === ".." || below.startsWith("../") ? null : below;
  if (index === undefined) {
    return { ...base, ...bare(real, key, `${root} was never opened as a workspace`) };
  }
  const reader = IndexReader.open(index);
  const { header } = reader;
  const asking = { library: observedLibraryPath(context.home), index, cwd: context.cwd };
  const { hasView, answers } = askLibrary(asking, [path]);
  const [asked] = answers;
  if (asked === undefined) throw new VriftError("EIO", `nothing was said about ${path}`);
  const distrust = hasView
    ? distrustReason(header)
    : (refusalReason(header, root) ?? "the library refused the index; `vrift doctor` looks for the reason");
  const found = key === null ? undefined : entryOf(reader, key);
  const isVirtual = answeredByEntry(asked);
  return {
    ...base,
    key,
    by: asked.by,
    reason: asked.reason,
    besides: asked.besides,
    detail: asked.reason === "distrusted" || !hasView ? (distrust ?? null) : null,
    errno: asked.errno ?? null,
    seen: asked.seen ?? null,
    physical: real !== undefined && isThere(real),
    entry: found?.entry === undefined ? null : entryFacts(found.entry),
    pathHash: found?.pathHash ?? null,
    markWord: found?.markWord ?? null,
    blob: found?.entry && isVirtual ? blobOf(header.sourcePath, found.entry) : null,
    hydratedOnWrite: isVirtual,
  };
}

/** What is seen is an entry, so that a program that opens it for writing gets a copy of its own first. */
function answeredByEntry({ by, besides, seen }: Asked): boolean {
  return seen !== undefined && (by === "index" || besides.includes("entry"));
}

function bare(
  real: string | undefined,
  key: string | null,
  detail: string,
): Omit<Explanation, "path" | "links" | "real" | "root" | "index"> {
  const status = real === undefined ? undefined : lstatSync(real, { bigint: true, throwIfNoEntry: false });
  return {
    key,
    by: "kernel",
    reason: "no-index",
    besides: [],
    detail,
    errno: status === undefined ? "ENOENT" : null,
    seen:
      status === undefined
        ? null
        : { mode: Number(status.mode), size: status.size, ino: status.ino, mtimeNs: status.mtimeNs },
    physical: status !== undefined,
    entry: null,
    pathHash: null,
    markWord: null,
    blob: null,
    hydratedOnWrite: false,
  };
}

/**
 * The tree whose programs are asked about, and its index if it has one. A path in a directory that nobody has opened is outside of a tree: it is
 * asked about as a program of this directory's tree would ask.
 */
function treeOf(context: Context, path: string): { root: string; index: string | undefined } {
  const root = rootOf(context, path);
  const index = indexOf(context, root);
  if (index !== undefined || context.value("root") !== undefined) return { root, index };
  const here = rootOf(context, context.cwd);
  const own = indexOf(context, here);
  return own === undefined ? { root, index } : { root: here, index: own };
}

/** --root, else the workspace the path is in. A path whose directories are not there yet counts from the nearest that is. */
function rootOf(context: Context, path: string): string {
  if (context.value("root") !== undefined) return workspaceRoot(context);
  let from = path;
  while (!existsSync(from)) from = dirname(from);
  try {
    return workspaceRoot(context, from);
  } catch (error) {
    // A path in none: then the question is what a program of this directory's workspace sees there.
    if (error instanceof VriftError && error.code === "VRIFT_ROOT_REFUSED") return workspaceRoot(context);
    throw error;
  }
}

function indexOf(context: Context, root: string): string | undefined {
  const { index } = workspacePaths(context.home, readWorkspaceFile(root)?.id ?? solidId(root));
  return existsSync(index) ? index : undefined;
}

function isThere(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return false;
  }
}

function entryFacts(entry: IndexEntry): NonNullable<Explanation["entry"]> {
  const isHashed = (entry.flags & Number(constants.ENTRY_HASHED)) !== 0;
  return {
    number: entry.number,
    flags: flagNames(entry.flags),
    mode: entry.mode.toString(8),
    size: entry.size,
    ino: entry.ino,
    mtimeNs: entry.mtimeNs,
    hash: isHashed ? entry.hash.toString("hex") : null,
  };
}

function blobOf(source: string, { hash, size }: IndexEntry): NonNullable<Explanation["blob"]> {
  const path = size === 0n ? join(source, "empty") : blobFile(storeLayout(source), { hash, size });
  const status = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  const state = status === undefined ? "missing" : status.size === size ? "whole" : "cut";
  return { path, state };
}
