/** What a restore is to reach, and how far it is. */
import type { RecordedStamps, RecordedTree } from "./recorded-tree.js";

export interface RestoreGoal {
  readonly tree: RecordedTree;
  readonly stamps: RecordedStamps;
  /** Other keys are left as they are; undefined: it is all names. */
  readonly scope: ReadonlySet<string> | undefined;
  /** Keys of the state before, which a snapshot has, and of restores that were begun since: nothing else is removed. */
  readonly removable: ReadonlySet<string>;
}

export interface RestoreCounts {
  /** Files and links put in place; virtual files recorded without one; names removed; files of which only mode, time or links were set. */
  placed: number;
  recorded: number;
  removed: number;
  adjusted: number;
}

/** For all rounds of one restore. */
export interface RestoreState {
  readonly counts: RestoreCounts;
  /** What was put in place has the content it was to have: `<inode>:<ctime>` by key. */
  readonly placed: Map<string, string>;
  /** Keys that cannot become what they are to be: a directory holds names that no snapshot has. */
  readonly blocked: Set<string>;
  /** Directories that stay for the same reason. */
  readonly kept: Set<string>;
  /** Names that came while the tree was restored, and stay. */
  readonly appeared: Set<string>;
}
