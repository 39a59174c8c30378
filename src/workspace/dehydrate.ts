/**
 * Committed files become virtual again (docs/commit.md, "Dehydrate, step by step"), in a turn of the mutations and under the tree lock.
 * The moving itself is that of `phantom`.
 */
import { closeSync, constants, openSync } from "node:fs";
import { isErrno } from "../platform/files.js";
import { native } from "../platform/native.js";
import { adopt } from "./adopt.js";
import { Intent, type MovingFile } from "./intent.js";
import { moveAside, settle } from "./moved-file.js";
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

export interface Dehydrated {
  /** Files that are virtual now, and the length of their content. */
  readonly files: number;
  readonly bytes: bigint;
  /** Keys of files that could not go back to their own path, from an earlier run or this one. */
  readonly kept: readonly string[];
}

interface Candidate {
  readonly entry: AdoptEntry;
  readonly physical: PhysicalName;
}

const OPEN_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * @param keys some of which may have changed, or be no candidates at all. EBUSY: a command is moving files, or a restore is half done.
 */
export async function dehydrate(tree: Tree, keys: readonly string[]): Promise<Dehydrated> {
  assertNotRestoring(tree.home, tree);
  return await withTreeLock({ run: tree.paths.run, root: tree.root }, async () => {
    const kept = [...(await recover(tree.store, tree.root)).kept];
    const candidates = keys.flatMap((key) => candidateOf(tree, key) ?? []);
    if (candidates.length === 0) return { files: 0, bytes: 0n, kept };
    await tree.store.sync();
    const entries = candidates.map(({ entry }) => entry);
    const refused = new Set((await adopt(tree, entries, "virtual")).map(({ path }) => path));
    const adopted = candidates.filter(({ entry }) => !refused.has(entry.path));
    let moved: Candidate[] = [];
    try {
      await tree.manifest.sync();
      moved = await moveAll(tree, adopted, kept);
    } finally {
      await backAgain(
        tree,
        adopted.filter((one) => !moved.includes(one)),
      );
    }
    return {
      files: moved.length,
      bytes: moved.reduce((sum, { entry }) => sum + BigInt(entry.size), 0n),
      kept,
    };
  });
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

/** Those that went. */
async function moveAll(tree: Tree, adopted: readonly Candidate[], kept: string[]): Promise<Candidate[]> {
  if (adopted.length === 0) return [];
  const moved: Candidate[] = [];
  const keys = adopted.map(({ entry }) => entry.path);
  const directories = recordDirectoriesOf(tree.root, keys);
  const files = adopted.map(({ entry }, n) => movingFile(entry, n));
  const intent = Intent.write(tree.root, { directories, files });
  try {
    for (const [n, candidate] of adopted.entries())
      if (await withStripe(tree, keys[n]!, () => moveOne(tree, files[n]!, candidate, kept))) {
        intent.touch();
        moved.push(candidate);
      }
  } catch (error) {
    intent.close(); // for recover
    throw error;
  }
  restoreDirectories(tree.root, directories);
  intent.remove();
  return moved;
}

/** False also when a program does not come to an end with its own change to the name. */
async function withStripe(tree: Tree, key: string, work: () => Promise<boolean>): Promise<boolean> {
  try {
    return await withStripes(tree, [key], work);
  } catch (error) {
    if (isErrno(error, "EBUSY")) return false;
    throw error;
  }
}

async function moveOne(tree: Tree, file: MovingFile, candidate: Candidate, kept: string[]): Promise<boolean> {
  const { root, store } = tree;
  const { ino, ctimeNs } = candidate.physical;
  if (isOpenSomewhere(`${root}/${file.key}`)) return false;
  const aside = moveAside(root, file, { ino, ctimeNs, linked: false });
  // Removed since it was adopted, by somebody who does not know of entries: it must not come back.
  if (aside === "gone") whiteOut(root, file.key);
  if (typeof aside === "string") return false;
  const settled = await settle(store, root, aside);
  if (settled.outcome === "removed") return true;
  if (settled.kept !== null) kept.push(settled.kept);
  return false;
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

/** Those that stayed are backed by their file as before; a file that is not there any more is resync's to judge. */
async function backAgain(tree: Tree, left: readonly Candidate[]): Promise<void> {
  const changes = left.flatMap(({ entry: { path: key }, physical: before }) => {
    const record = tree.manifest.find(key);
    const physical = lookAtKey(tree.root, key);
    if (record === undefined || isDir(record) || physical?.type !== "file") return [];
    const isSame = physical.ino === before.ino && physical.ctimeNs === before.ctimeNs;
    const hash = isSame ? record.hash : undefined;
    return { parent: parentId(tree, key), key, record: backedRecord(record.id, physical, hash) };
  });
  await commit(tree, changes);
}

function movingFile({ path, hash, size, mtimeNs, mode }: AdoptEntry, n: number): MovingFile {
  return { n, key: path, hash, size, mtimeNs, mode };
}
