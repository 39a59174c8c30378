/** Runs the real `./vrift` in a home of its own. */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { endProjects } from "../end-projects.js";
import { removeTree } from "../remove-tree.js";

/** The project: tests are compiled to dist/test/cli. */
export const projectRoot = fileURLToPath(new URL("../../..", import.meta.url)).replace(/\/$/, "");
export const vriftPath = join(projectRoot, "vrift");
export const launcherPath = join(projectRoot, "build/native/vrift-launcher");

export interface Finished {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface ProcessOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
}

/** An empty HOME and a directory to work in; `remove` ends its daemon too. */
export class TestHome {
  readonly directory = realpathSync(mkdtempSync(join(tmpdir(), "vrift-cli-")));
  readonly home = join(this.directory, "home");
  readonly work = join(this.directory, "work");
  readonly env: NodeJS.ProcessEnv;

  constructor() {
    mkdirSync(this.home);
    mkdirSync(this.work);
    const { PATH = "/usr/bin:/bin" } = process.env;
    this.env = {
      PATH,
      HOME: this.home,
      VRIFT_HOME: join(this.home, ".vrift"),
      TERM: "dumb",
      LC_ALL: "C.UTF-8",
    };
  }

  vrift(args: readonly string[], options: ProcessOptions = {}): Promise<Finished> {
    return this.execute(vriftPath, args, options);
  }

  /** A shell script in which `$VRIFT` is the command. */
  bash(script: string, options: ProcessOptions = {}): Promise<Finished> {
    return this.execute("bash", ["-c", script], { ...options, env: { ...options.env, VRIFT: vriftPath } });
  }

  async execute(command: string, args: readonly string[], options: ProcessOptions): Promise<Finished> {
    const child = spawn(command, args, {
      cwd: options.cwd ?? this.work,
      env: { ...this.env, ...options.env },
      stdio: "pipe",
    });
    child.stdin.on("error", () => undefined);
    child.stdin.end(options.input ?? "");
    const ended = new Promise<Pick<Finished, "code" | "signal">>((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code, signal) => resolve({ code, signal }));
    });
    const [stdout, stderr, end] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
    return { stdout, stderr, ...end };
  }

  async remove(): Promise<void> {
    await this.vrift(["daemon", "stop"], { cwd: "/" });
    await endProjects(join(this.home, ".vrift"));
    removeTree(this.directory);
  }
}
