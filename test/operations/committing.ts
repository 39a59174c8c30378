/** `vrift commit --dehydrate` again and again while programs work: files are made virtual again whenever none of them runs. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { projectPaths } from "../../src/platform/paths.js";
import { type Sandbox, vriftCommand } from "../e2e/sandbox.js";

export class Committing {
  readonly #sandbox: Sandbox;
  readonly #root: string;
  #ended = false;
  #begun = 0;
  readonly #done: Promise<void>;
  /** Commands that have come to an end; some fail when the project's process is killed. */
  count = 0;
  /** Files made virtual again, as the commands say. */
  dehydrated = 0;

  constructor(sandbox: Sandbox, root: string) {
    this.#sandbox = sandbox;
    this.#root = root;
    this.#done = this.#again();
  }

  /**
   * Resolves when files are just being moved, so that what is started then meets that; at the latest when a command has ended that began
   * after the call. To be called while no program runs.
   */
  async moving(): Promise<void> {
    const { moving } = projectPaths(this.#root);
    const last = this.#begun + 1;
    while (!existsSync(moving) && this.count < last) await delay(1);
  }

  async end(): Promise<void> {
    this.#ended = true;
    await this.#done;
  }

  async #again(): Promise<void> {
    while (!this.#ended) {
      this.#begun += 1;
      const child = spawn(vriftCommand, ["commit", "--dehydrate", "--json", this.#root], {
        env: this.#sandbox.env,
        stdio: ["ignore", "pipe", "ignore"],
      });
      const [said] = await Promise.all([text(child.stdout), once(child, "close")]);
      if (child.exitCode === 0) this.dehydrated += (JSON.parse(said) as { dehydrated: number }).dehydrated;
      this.count += 1;
    }
  }
}
