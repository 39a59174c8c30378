import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { after, describe, test } from "node:test";
import { TestHome, vriftPath } from "./vrift-process.js";

const home = new TestHome();
after(() => home.remove());

const PATIENCE_MS = 15_000;

/** A command on a pseudo terminal, made by script(1), which every Debian has. */
class Terminal {
  private readonly child: ChildProcessWithoutNullStreams;
  private output = "";
  private wake: () => void = () => undefined;

  constructor(command: string) {
    this.child = spawn("script", ["-qec", command, "/dev/null"], {
      cwd: home.work,
      env: { ...home.env, VRIFT: vriftPath, PS1: "READY> " },
    });
    this.child.stdout.on("data", (chunk: Buffer) => {
      this.output += chunk.toString();
      this.wake();
    });
  }

  type(text: string): void {
    this.child.stdin.write(text);
  }

  /** Waits until the output since the last call matches, and takes it away. */
  async expect(pattern: RegExp): Promise<string> {
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      const match = pattern.exec(this.output);
      if (match) {
        this.output = this.output.slice(match.index + match[0].length);
        return match[0];
      }
      if (Date.now() > deadline)
        assert.fail(`${pattern} never came; the terminal shows: ${JSON.stringify(this.output)}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 100);
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** Until `cat` sits in read(2): a shell would be caught in the middle of a vfork now and then. */
  async startCat(before: string): Promise<void> {
    this.type(`${before}sh -c 'echo sta""rted; exec cat'\n`);
    await this.expect(/started\r\n/);
    this.type("one\n");
    await this.expect(/one\r\none\r\n/);
  }

  async bringBack(): Promise<void> {
    this.type("fg\n");
    await this.expect(/fg\r\n[^\n]*exec cat'\r\n/);
    this.type("two\n");
    await this.expect(/two\r\ntwo\r\n/);
  }

  end(): void {
    this.child.kill("SIGKILL");
  }
}

describe("on a terminal", () => {
  for (const options of ["", "--stats"]) {
    const also = options === "" ? "" : `, with ${options}`;
    test(`Ctrl-Z, fg and Ctrl-C work on a command run from an interactive shell${also}`, async () => {
      const terminal = new Terminal("bash --norc --noprofile -i");
      try {
        await terminal.expect(/READY> /);
        await terminal.startCat(`$VRIFT run ${options} -- `);
        terminal.type("\x1a");
        await terminal.expect(/Stopped[^]*READY> /);
        await terminal.bringBack();
        terminal.type("\x03");
        await terminal.expect(/READY> /);
        terminal.type("echo status=$?\n");
        await terminal.expect(/status=130\r/);
      } finally {
        terminal.end();
      }
    });

    test(`an interactive shell under run has job control of its own${also}`, async () => {
      const terminal = new Terminal(`bash --norc --noprofile -i`);
      try {
        await terminal.expect(/READY> /);
        terminal.type(`PS1='INNER> ' $VRIFT run ${options} -- bash --norc --noprofile -i\n`);
        await terminal.expect(/INNER> /);
        terminal.type("tty\n");
        await terminal.expect(/\/dev\/(pts|tty)[^]*INNER> /);
        await terminal.startCat("");
        terminal.type("\x1a");
        await terminal.expect(/Stopped[^]*INNER> /);
        terminal.type("jobs | wc -l\n");
        await terminal.expect(/\n1\r[^]*INNER> /);
        await terminal.bringBack();
        terminal.type("\x03");
        await terminal.expect(/INNER> /);
        terminal.type("exit 3\n");
        await terminal.expect(/READY> /);
        terminal.type("echo status=$?\n");
        await terminal.expect(/status=3\r/);
      } finally {
        terminal.end();
      }
    });
  }

  test("the size of the terminal and raw mode are the command's", async () => {
    const terminal = new Terminal(
      "stty rows 33 cols 77; $VRIFT run -- sh -c 'stty size; stty raw -echo; stty -a | grep -c -e -icanon'",
    );
    try {
      await terminal.expect(/33 77/);
      await terminal.expect(/1/);
    } finally {
      terminal.end();
    }
  });
});
