/** One project of the model-based test: its process, which is killed, and the names that all its connections share. */
import type { WorkspaceKind } from "../../src/workspace/workspace.js";
import { killNamed } from "../../src/platform/process-state.js";
import { PROJECT_PROCESS } from "../../src/daemon/project-process.js";
import type { Home } from "../../src/platform/paths.js";
import { workspacePaths } from "../../src/platform/paths.js";
import { ownerOf } from "../../src/workspace/owner-lock.js";
import { LockModel } from "./locks.js";
import { Register } from "./registers.js";

const SHARED_NAMES = 3;

export interface SharedName {
  readonly path: string;
  /** Its values are times: every write has one of its own. */
  readonly register: Register;
  /** Hex hash that goes with a time. */
  readonly contents: Map<bigint, string>;
}

let time = 1_600_000_000_000_000_001n;

export class ModelProject {
  readonly root: string;
  readonly kind: WorkspaceKind;
  readonly id: string;
  readonly shared: readonly SharedName[];
  readonly locks = new LockModel();
  readonly #home: Home;
  #begun = 0;
  #ended = 0;

  constructor(home: Home, root: string, kind: WorkspaceKind, id: string) {
    this.#home = home;
    this.root = root;
    this.kind = kind;
    this.id = id;
    this.shared = Array.from({ length: SHARED_NAMES }, (_, i) => ({
      path: `shared/${i}`,
      register: new Register(`${kind} shared/${i}`),
      contents: new Map<bigint, string>(),
    }));
  }

  get socket(): string {
    return workspacePaths(this.#home, this.id).socket;
  }

  /** Never the same twice, in nanoseconds. */
  nextTime(): bigint {
    time += 1_000_000_007n;
    return time;
  }

  /** kill -9; resolves with whether there was anybody. */
  async kill(): Promise<boolean> {
    const pid = ownerOf(workspacePaths(this.#home, this.id).lock);
    if (pid === undefined) return false;
    this.#begun++;
    await killNamed(pid, PROJECT_PROCESS);
    this.#ended = this.#begun;
    return true;
  }

  /** Whether the process that runs now has died since. */
  deathFromNow(): () => boolean {
    const begun = this.#begun;
    return () => this.#ended > begun;
  }

  /** Whether nobody has begun to kill it since. */
  lifeFromNow(): () => boolean {
    const begun = this.#begun;
    return () => this.#begun === begun;
  }

  failures(): string[] {
    return [...this.locks.failures, ...this.shared.flatMap(({ register }) => register.check())];
  }
}
