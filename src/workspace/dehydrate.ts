/**
 * Committed files become virtual again (docs/commit.md, "Dehydrate, step by step"), in a turn of the mutations and under the tree lock.
 * The moving itself is that of `phantom`.
 */
import { closeSync, constants, openSync } from "node:fs";
import { isErrno } from "../platform/files.js";
import { native } from "../platform/native.js";
import { mapsIndex } from "../vdir/index-users.js";
import { adopt } from "./adopt.js";
import { Intent, type MovingFile } from "./intent.js";
import { type Moved, giveBack, moveAside, settle } from "./moved-file.js";
import type { PhysicalName } from "./physical.js";
import { lookAtKey, lookPhysical, parentKey } from "./physical.js";
import { isOpenToOwner, staysPhysical } from "./policy.js";
import { HASHED, backedRecord, describes, isDir, isSymlink, toAdoptEntry } from "./records.js";
import { recordDirectoriesOf, restoreDirectories } from "./recorded-directories.js";
import { recover } from "./recover.js";
import { assertNotRestoring } from "./restoring.js";
import { withStripes } from "./stripes.js";
import type { Tree } from "./tree.js";
import { commit, parentId } from "./tree.js";
import { withTreeLock } from "./tree-lock.js";
import type { AdoptEntry } from "./workspace.js";
import { whiteOut } from "./white-out.js";
import { isWhitedOutNow } from "./whiteouts.js";

export interface Dehydrated {
  /** Files that are virtual now, and the length of their content. */
  readonly files: number;
  readonly bytes: bigint;
  /** Keys of files that could not go back to their own path, from an earlier run or this one. */
  readonly kept: readonly string[];
  /** A program uses the index: files were left for that. */
  readonly inUse: boolean;
}

interface Candidate {
  readonly entry: AdoptEntry;
  readonly physical: PhysicalName;
}

/** Programs wait at these names while they are moved: some milliseconds. */
const CHUNK_FILES = 16;
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * @param keys some of which may have changed, or be no candidates at all. EBUSY: a command is moving files, or a restore is half done.
 */
export async function dehydrate(tree: Tree, keys: readonly string[]): Promise<Dehydrated> {
  assertNotRestoring(tree.home, tree);
  return await withTreeLock({ run: tree.paths.run, root: tree.root }, async () => {
    const kept = [...(await recover(tree.store, tree.root)).kept];
    const candidates = keys.flatMap((key) => candidateOf(tree, key) ?? []);
    if (candidates.length === 0) return { files: 0, bytes: 0n, kept, inUse: false };
    await tree.store.sync();
    if (isInUse(tree)) return { files: 0, bytes: 0n, kept, inUse: true };
    const entries = candidates.map(({ entry }) => entry);
    const refused = new Set((await adopt(tree, entries, "virtual")).map(({ path }) => path));
    const adopted = candidates.filter(({ entry }) => !refused.has(entry.path));
    const done: Done = { away: new Set(), moved: [], kept };
    await endRemoved(tree, adopted);
    let inUse = false;
    try {
      await tree.manifest.sync();
      inUse = await moveAll(tree, adopted, done);
    } finally {
      await backAgain(tree, adopted, done);
    }
    const { moved } = done;
    return {
      files: moved.length,
      bytes: moved.reduce((sum, { entry }) => sum + BigInt(entry.size), 0n),
      kept,
      inUse,
    };
  });
}

/**
 * A program that has found a file backed removes it without a whiteout; where the entry became virtual just then it would be there again,
 * as it was.
 */
async function endRemoved(tree: Tree, adopted: readonly Candidate[]): Promise<void> {
  const changes = adopted.flatMap(({ entry: { path: key } }) => {
    const record = tree.manifest.find(key);
    if (record === undefined || isDir(record) || lookAtKey(tree.root, key) !== undefined) return [];
    return { parent: parentId(tree, key), key, record: undefined };
  });
  await commit(tree, changes);
}

/** A file whose content the store has, as the entry says, and that nothing keeps in its place. */
function candidateOf(tree: Tree, key: string): Candidate | undefined {
  const record = tree.manifest.find(key);
  if (record === undefined || isDir(record) || isSymlink(record) || !(record.flags & HASHED))
    return undefined;
  const physical = lookAtKey(tree.root, key);
  if (physical?.type !== "file" || !describes(record, physical)) return undefined;
  const facts = { ...physical, key, validUtf8: true, xattr: false };
  if (staysPhysical(facts, tree.owner) !== null || !isInOpenDirectory(tree.root, key)) return undefined;
  if (native.hasXattr(`${tree.root}/${key}`)) return undefined;
  if (tree.store.statBlob(record)?.sealed !== true) return undefined;
  return { entry: toAdoptEntry(key, record), physical };
}

function isInOpenDirectory(root: string, key: string): boolean {
  const directory = parentKey(key);
  const physical = lookPhysical(directory === "" ? root : `${root}/${directory}`);
  return physical?.type === "dir" && isOpenToOwner(physical.mode);
}

/** What is done of a batch, also when it fails. */
interface Done {
  /** Those that have left their places, for good or for `recover` to give back. */
  readonly away: Set<Candidate>;
  /** Those that went. */
  readonly moved: Candidate[];
  readonly kept: string[];
}

/** True: a program uses the index, and the others stay. */
async function moveAll(tree: Tree, adopted: readonly Candidate[], done: Done): Promise<boolean> {
  let inUse = false;
  if (adopted.length === 0) return inUse;
  const keys = adopted.map(({ entry }) => entry.path);
  const directories = recordDirectoriesOf(tree.root, keys);
  const files = adopted.map((candidate, n) => ({ candidate, file: movingFile(candidate.entry, n) }));
  const intent = Intent.write(tree.root, { directories, files: files.map(({ file }) => file) });
  try {
    for (let start = 0; start < files.length && !inUse; start += CHUNK_FILES) {
      const chunk = files.slice(start, start + CHUNK_FILES);
      inUse = await withStripesOf(tree, chunk, () => moveChunk(tree, chunk, done, intent));
    }
  } catch (error) {
    intent.close(); // for recover
    throw error;
  }
  restoreDirectories(tree.root, directories);
  intent.remove();
  return inUse;
}

interface Numbered {
  readonly candidate: Candidate;
  readonly file: MovingFile;
}

/** These stay also when a program does not come to an end with its own change to one of the names. */
async function withStripesOf(
  tree: Tree,
  chunk: readonly Numbered[],
  work: () => Promise<boolean>,
): Promise<boolean> {
  try {
    return await withStripes(
      tree,
      chunk.map(({ file }) => file.key),
      work,
    );
  } catch (error) {
    if (isErrno(error, "EBUSY")) return false;
    throw error;
  }
}

/**
 * True: a program uses the index. It counts on a file that it has seen to stay one until it has done with it what it is at. One that comes
 * after the first look is met by the second, and the files go back before they are missed; one that comes after that has
 * never seen them.
 */
async function moveChunk(
  tree: Tree,
  chunk: readonly Numbered[],
  done: Done,
  intent: Intent,
): Promise<boolean> {
  const { root, store } = tree;
  if (isInUse(tree)) return true;
  const aside: { readonly candidate: Candidate; readonly moved: Moved }[] = [];
  for (const { candidate, file } of chunk) {
    const moved = moveOne(tree, file, candidate);
    if (moved !== undefined) {
      done.away.add(candidate);
      aside.push({ candidate, moved });
    }
    intent.touch();
  }
  const inUse = aside.length > 0 && isInUse(tree);
  for (const { candidate, moved } of aside) {
    const settled = inUse ? { kept: giveBack(root, moved.file) } : await settle(store, root, moved);
    intent.touch();
    if ("kept" in settled) {
      done.away.delete(candidate);
      if (settled.kept !== null) done.kept.push(settled.kept);
    } else done.moved.push(candidate);
  }
  return inUse;
}

/** undefined: it stays. */
function moveOne(tree: Tree, file: MovingFile, { physical }: Candidate): Moved | undefined {
  const { root } = tree;
  const { ino, ctimeNs } = physical;
  // What was white out in a change that came to nothing would be gone without its file.
  if (isWhitedOutNow(tree, file.key) || isOpenSomewhere(`${root}/${file.key}`)) return undefined;
  const aside = moveAside(root, file, { ino, ctimeNs, linked: false });
  // Removed since it was adopted, by somebody who does not know of entries: it must not come back.
  if (aside === "gone") whiteOut(root, file.key);
  return typeof aside === "string" ? undefined : aside;
}

/** A program has the index, or one of before it, mapped. */
export function isInUse({ paths: { index } }: Pick<Tree, "paths">): boolean {
  return mapsIndex((path) => path === index);
}

function isOpenSomewhere(path: string): boolean {
  let fd: number;
  try {
    fd = openSync(path, OPEN_FLAGS);
  } catch (error) {
    // Gone, another name's, or somebody has a lease on it: the move will tell, or leave it.
    if (isErrno(error, "ENOENT", "ENOTDIR", "ELOOP", "ENXIO", "EACCES", "EAGAIN", "EWOULDBLOCK")) return true;
    throw error;
  }
  try {
    return native.hasOther(fd);
  } finally {
    closeSync(fd);
  }
}

/** Those that stayed are backed by their file as before. */
async function backAgain(tree: Tree, adopted: readonly Candidate[], { away }: Done): Promise<void> {
  const stayed = adopted.filter((candidate) => !away.has(candidate));
  await endRemoved(tree, stayed);
  const changes = stayed.flatMap(({ entry: { path: key }, physical: before }) => {
    const record = tree.manifest.find(key);
    const physical = lookAtKey(tree.root, key);
    if (record === undefined || isDir(record)) return [];
    if (physical?.type !== "file") return [];
    const isSame = physical.ino === before.ino && physical.ctimeNs === before.ctimeNs;
    const hash = isSame ? record.hash : undefined;
    return { parent: parentId(tree, key), key, record: backedRecord(record.id, physical, hash) };
  });
  await commit(tree, changes);
}

function movingFile({ path, hash, size, mtimeNs, mode }: AdoptEntry, n: number): MovingFile {
  return { n, key: path, hash, size, mtimeNs, mode };
}
