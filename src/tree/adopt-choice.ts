/** Which changes of a clone its source can take, which it has already, and which are in conflict (docs/snapshots.md, adopt). */
import type { PresentName, PresentTree } from "./present-tree.js";
import { hasContent } from "./present-tree.js";
import type { RecordedName, RecordedTree } from "./recorded-tree.js";
import { parentKey } from "../workspace/physical.js";
import type { Difference } from "./tree-difference.js";

export interface Conflict {
  readonly key: string;
  readonly why: string;
}

export interface AdoptChoice {
  /** Keys that the source is to have as the clone does, directories on the way among them. */
  readonly take: readonly string[];
  /** Keys that are alike by now. */
  readonly same: readonly string[];
  readonly conflicts: readonly Conflict[];
}

export interface Sides {
  /** What the clone was at its beginning. */
  readonly base: RecordedTree;
  /** The clone now: what was chosen of it. */
  readonly clone: RecordedTree;
  /** All directories of the clone. */
  readonly cloneNames: ReadonlyMap<string, PresentName>;
  readonly source: PresentTree;
  readonly sourceRoot: string;
}

const NO_STAMPS = new Map<string, string>();

export async function chooseAdopted(chosen: readonly Difference[], sides: Sides): Promise<AdoptChoice> {
  const take = new Set<string>();
  const same: string[] = [];
  const conflicts: Conflict[] = [];
  const keys = new Set(chosen.map(({ key }) => key));
  for (const { key } of chosen) {
    const verdict = await judge(key, keys, sides);
    if (verdict === "same") same.push(key);
    else if (verdict === "take") {
      take.add(key);
      for (const directory of missingDirectories(key, sides)) take.add(directory);
    } else conflicts.push({ key, why: verdict });
  }
  return { take: [...take].sort(), same, conflicts };
}

/** `take`, `same`, or why neither. */
async function judge(key: string, chosen: ReadonlySet<string>, sides: Sides): Promise<string> {
  const { base, clone, source, sourceRoot } = sides;
  if (source.leftAlone.has(key)) return "in the source it is something that only the kernel knows";
  const [before, wanted, now] = [base.get(key), clone.get(key), source.names.get(key)];
  if (await isAs(sourceRoot, key, now, wanted)) return "same";
  if (wanted?.type === "dir" && now?.type === "dir" && before === undefined) return "same"; // made in both
  if (!(await isAs(sourceRoot, key, now, before))) {
    if (now === undefined) return "removed in the source";
    return before === undefined ? "made in the source, too" : "changed in the source";
  }
  if (wanted === undefined) return "take";
  if (now?.type === "dir" && wanted.type !== "dir") {
    const inside = [...source.names.keys(), ...source.leftAlone].find(
      (other) => other.startsWith(`${key}/`) && !chosen.has(other),
    );
    if (inside !== undefined) return `a directory in the source, which holds ${inside}`;
  }
  return directoryTrouble(key, chosen, sides) ?? "take";
}

/** What is above a name must be a directory of the source, or come with it. */
function directoryTrouble(
  key: string,
  chosen: ReadonlySet<string>,
  { base, source }: Sides,
): string | undefined {
  for (let parent = parentKey(key); parent !== ""; parent = parentKey(parent)) {
    const now = source.names.get(parent);
    if (now?.type === "dir" || chosen.has(parent)) continue;
    if (now !== undefined || source.leftAlone.has(parent)) return `${parent} is no directory in the source`;
    if (base.has(parent)) return `${parent} was removed in the source`;
  }
  return undefined;
}

function missingDirectories(key: string, { clone, cloneNames, source }: Sides): string[] {
  const missing: string[] = [];
  if (!clone.has(key)) return missing;
  for (let parent = parentKey(key); parent !== ""; parent = parentKey(parent))
    if (!source.names.has(parent) && cloneNames.get(parent)?.type === "dir") missing.push(parent);
  return missing;
}

async function isAs(
  root: string,
  key: string,
  now: PresentName | undefined,
  wanted: RecordedName | undefined,
): Promise<boolean> {
  if (now === undefined || wanted === undefined) return now === wanted;
  if (now.type === "symlink") return wanted.type === "symlink" && now.target === wanted.target;
  if (now.type !== wanted.type || now.mode !== wanted.mode) return false;
  return (
    now.type === "dir" || (wanted.type === "file" && (await hasContent(root, key, now, wanted, NO_STAMPS)))
  );
}
