/** Names that a snapshot does not have go, as far as the one of the state before has them: what came since is nowhere else. */
import { rmdirSync } from "node:fs";
import { join } from "node:path";
import { isErrno, unlinkIfPresent } from "../platform/files.js";
import type { PresentName, PresentTree } from "./present-tree.js";
import type { RestoreGoal, RestoreState } from "./restore-state.js";
import { whiteOut } from "../workspace/white-out.js";

export class Removal {
  readonly #root: string;
  readonly #goal: RestoreGoal;
  readonly #present: PresentTree;
  readonly #state: RestoreState;
  /** Deepest first. */
  readonly #superfluous: readonly string[];
  /** Made, or to be tried again. */
  changes = 0;

  constructor(root: string, goal: RestoreGoal, present: PresentTree, state: RestoreState) {
    this.#root = root;
    this.#goal = goal;
    this.#present = present;
    this.#state = state;
    const others = [...present.names.keys()].filter((key) => key !== "" && !goal.tree.has(key));
    for (const key of others) if (!goal.removable.has(key)) state.appeared.add(key);
    this.#superfluous = others.filter((key) => goal.removable.has(key)).sort((a, b) => (a < b ? 1 : -1));
  }

  all(): void {
    this.#remove(this.#superfluous);
  }

  /** Takes what is at a key away, a directory with all that is in it. False: something is in the way. */
  free(key: string, now: PresentName): boolean {
    if (now.type !== "dir") {
      if (!this.#goal.removable.has(key)) return false;
      this.#removeName(key, now);
      return true;
    }
    this.#remove(this.#superfluous.filter((below) => below.startsWith(`${key}/`)));
    return removeEmptyDirectory(join(this.#root, key));
  }

  #remove(keys: readonly string[]): void {
    for (const key of keys) {
      const now = this.#present.names.get(key);
      if (now === undefined || this.#state.kept.has(key)) continue;
      this.changes += 1;
      if (now.type !== "dir") this.#removeName(key, now);
      else if (removeEmptyDirectory(join(this.#root, key))) this.#state.counts.removed += 1;
      // It holds what no snapshot has, or what has come since.
      else this.#state.kept.add(key);
      this.#present.names.delete(key);
    }
  }

  #removeName(key: string, name: PresentName): void {
    if (name.type === "file" && name.virtual) whiteOut(this.#root, key);
    else unlinkIfPresent(join(this.#root, key));
    this.#state.counts.removed += 1;
  }
}

/** False: something is in it, or it cannot be removed. */
function removeEmptyDirectory(path: string): boolean {
  try {
    rmdirSync(path);
    return true;
  } catch (error) {
    if (isErrno(error, "ENOENT")) return true;
    if (isErrno(error, "ENOTEMPTY", "EEXIST", "EBUSY", "ENOTDIR")) return false;
    throw error;
  }
}
