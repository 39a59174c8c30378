/**
 * ManifestReingest: a file that somebody wrote elsewhere becomes the content of a path. Content, roots, then as ManifestUpsert
 * does; the file that was handed over goes last, when everything else has succeeded.
 */
import type { ManifestRecord } from "../manifest/manifest.js";
import { VriftError } from "../platform/errors.js";
import { placeDirectory } from "./materialise.js";
import { PARENT_MODE, putFile } from "./mutate.js";
import { lookAtKey } from "./physical.js";
import { isDir, isSymlink } from "./records.js";
import type { KeyState } from "./refresh.js";
import { assertOwnName, ensureParents, foldWhiteouts, refreshKey } from "./refresh.js";
import type { TemporaryContent } from "./temporary-file.js";
import type { Tree } from "./tree.js";

/** What can be told before the content is read. EISDIR, EACCES. */
export function assertReingestable(tree: Tree, key: string): void {
  if (key === "") throw new VriftError("EISDIR", "the root of a workspace is a directory");
  assertOwnName(tree, key);
  if (lookAtKey(tree.root, key)?.type === "dir") throw new VriftError("EISDIR", `${key} is a directory`);
}

export async function reingest(tree: Tree, key: string, content: TemporaryContent): Promise<ManifestRecord> {
  assertReingestable(tree, key);
  await foldWhiteouts(tree);
  await ensureParents(tree, key, (path) => placeDirectory(path, PARENT_MODE));
  const state = await refreshKey(tree, key, false);
  const { hash, size, mtimeNs } = content;
  const entry = { content_hash: hash, size, mtime: mtimeNs, mode: keptMode(state) ?? content.mode, flags: 0 };
  const record = await putFile(tree, key, entry, state);
  content.consume();
  return record;
}

/** An existing file keeps its mode. */
function keptMode({ record, physical }: KeyState): number | undefined {
  if (physical !== undefined) return physical.type === "file" ? physical.mode : undefined;
  return record === undefined || isDir(record) || isSymlink(record) ? undefined : record.mode;
}
