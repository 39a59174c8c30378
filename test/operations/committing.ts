/** `vrift commit` again and again while programs work, and files made virtual again whenever none does. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { type Sandbox, vriftCommand } from "../e2e/sandbox.js";

export class Committing {
  readonly #sandbox: Sandbox;
  readonly #root: string;
  #ended = false;
  readonly #done: Promise<void>;
  /** Commands that have come to an end; some fail when the project's process is killed. */
  count = 0;

  constructor(sandbox: Sandbox, root: string) {
    this.#sandbox = sandbox;
    this.#root = root;
    this.#done = this.#again();
  }

  async end(): Promise<void> {
    this.#ended = true;
    await this.#done;
  }

  async #again(): Promise<void> {
    while (!this.#ended) {
      const child = spawn(vriftCommand, ["commit", "--dehydrate", this.#root], {
        env: this.#sandbox.env,
        stdio: "ignore",
      });
      await once(child, "exit");
      this.count += 1;
    }
  }
}
