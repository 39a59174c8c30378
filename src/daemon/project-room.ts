/** How many projects' processes of a home run at a time: for one more than that, those that nobody needs are ended, the longest idle first. */
import { VriftError } from "../platform/errors.js";
import type { Log } from "../platform/log.js";
import { TurnQueue } from "../workspace/turn-queue.js";
import type { ProjectProcess } from "./project-process.js";

type RoomTaker = Pick<ProjectProcess, "currentStatus" | "retire" | "info">;

export class ProjectRoom {
  readonly #max: number;
  readonly #log: Log;
  readonly #running = new Set<RoomTaker>();
  /** Being started. */
  #reserved = 0;
  readonly #turns = new TurnQueue();

  /** @param max a whole number above 0. */
  constructor(max: number, log: Log) {
    this.#max = max;
    this.#log = log;
  }

  /** Room for one more, until `free` or `enter`. EBUSY, at once, when somebody needs each of those that run. */
  async reserve(): Promise<void> {
    await this.#turns.run(async () => {
      while (this.#running.size + this.#reserved >= this.#max) await this.#endOne();
      this.#reserved++;
    });
  }

  free(): void {
    this.#reserved--;
  }

  /** It runs, whether there was room for it or not: a process found running is not ended because of others. */
  enter(project: RoomTaker): void {
    this.#running.add(project);
  }

  leave(project: RoomTaker): void {
    this.#running.delete(project);
  }

  async #endOne(): Promise<void> {
    const running = [...this.#running];
    const asked = await Promise.all(
      running.map(async (project) => ({
        project,
        idleMs: (await project.currentStatus()).process?.idleMs ?? 0,
      })),
    );
    asked.sort((a, b) => b.idleMs - a.idleMs);
    for (const { project, idleMs } of asked) {
      if (!this.#running.has(project)) return;
      if (!(await project.retire())) continue;
      this.#log.info("ended a project's process to have room for another", {
        root: project.info.root,
        idleMs,
      });
      this.leave(project);
      return;
    }
    throw new VriftError(
      "EBUSY",
      `${this.#max} projects are open and all of them are in use; project_processes says how many may be`,
    );
  }
}
