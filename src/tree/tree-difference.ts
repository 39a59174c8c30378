/** Which names differ between a recorded tree and the present one. Times alone are no difference, as in git. */
import type { PresentName, PresentTree } from "./present-tree.js";
import { hasContent } from "./present-tree.js";
import type { RecordedName } from "./recorded-tree.js";
import type { SnapshotContent } from "./store-snapshot.js";

/** Added, deleted, changed (content or mode), of another type. */
export type DifferenceStatus = "A" | "D" | "M" | "T";

export interface Difference {
  readonly key: string;
  readonly status: DifferenceStatus;
  readonly was?: RecordedName;
  readonly now?: PresentName;
  /** Of M: only the mode is another one. */
  readonly modeOnly: boolean;
}

/** Sorted by key. Of physical files only those are read that nothing else tells to be what they were. */
export async function differences(
  root: string,
  before: SnapshotContent,
  present: PresentTree,
): Promise<Difference[]> {
  const found: Difference[] = [];
  for (const [key, was] of before.tree) {
    if (key === "" || present.leftAlone.has(key)) continue;
    const now = present.names.get(key);
    if (now === undefined) found.push({ key, status: "D", was, modeOnly: false });
    else if (now.type !== was.type) found.push({ key, status: "T", was, now, modeOnly: false });
    else {
      const isContent = await hasSameContent(root, key, was, now, before);
      if (!isContent || modeOf(was) !== modeOf(now))
        found.push({ key, status: "M", was, now, modeOnly: isContent });
    }
  }
  for (const [key, now] of present.names)
    if (key !== "" && !before.tree.has(key)) found.push({ key, status: "A", now, modeOnly: false });
  return found.sort((a, b) => (a.key < b.key ? -1 : 1));
}

/** Without directories whose coming or going is told by what is in them. */
export function worthSaying(all: readonly Difference[]): Difference[] {
  const parents = new Set<string>();
  for (const { key, status } of all)
    for (let end = key.lastIndexOf("/"); end > 0; end = key.lastIndexOf("/", end - 1))
      parents.add(`${status} ${key.slice(0, end)}`);
  return all.filter(
    ({ key, status, was, now }) => (was ?? now)?.type !== "dir" || !parents.has(`${status} ${key}`),
  );
}

async function hasSameContent(
  root: string,
  key: string,
  was: RecordedName,
  now: PresentName,
  { stamps }: SnapshotContent,
): Promise<boolean> {
  if (was.type === "symlink" && now.type === "symlink") return was.target === now.target;
  if (was.type === "file" && now.type === "file") return await hasContent(root, key, now, was, stamps);
  return true;
}

/** A link has none of its own. */
function modeOf(name: RecordedName | PresentName): number {
  return name.type === "symlink" ? 0 : name.mode;
}
