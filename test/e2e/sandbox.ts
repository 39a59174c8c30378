/**
 * A home, a directory and the real `./vrift` for end-to-end tests: nothing of the machine's own ~/.vrift is touched, and
 * `dispose` ends the daemon and removes everything.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { removeTree } from "../remove-tree.js";

export const projectRoot = fileURLToPath(new URL("../../..", import.meta.url));
export const vriftCommand = join(projectRoot, "vrift");

export interface Outcome {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly input?: string;
  readonly env?: Record<string, string>;
}

export class Sandbox {
  readonly directory: string;
  readonly home: string;
  readonly env: Record<string, string>;

  /** @param parent where its directory is made. */
  constructor(parent = tmpdir()) {
    this.directory = mkdtempSync(join(parent, "vrift-e2e-"));
    this.home = join(this.directory, "home");
    mkdirSync(this.home);
    this.env = {
      PATH: process.env["PATH"] ?? "/usr/bin:/bin",
      HOME: this.home,
      VRIFT_HOME: join(this.home, ".vrift"),
      LC_ALL: "C.UTF-8",
      TZ: "UTC",
      GIT_AUTHOR_NAME: "A",
      GIT_AUTHOR_EMAIL: "a@example.org",
      GIT_AUTHOR_DATE: "2026-01-02T03:04:05Z",
      GIT_COMMITTER_NAME: "A",
      GIT_COMMITTER_EMAIL: "a@example.org",
      GIT_COMMITTER_DATE: "2026-01-02T03:04:05Z",
      GIT_CONFIG_NOSYSTEM: "1",
      // Said once a day, so never the same twice.
      NPM_CONFIG_UPDATE_NOTIFIER: "false",
      ...packageClientSettings(),
    };
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  run(command: string, args: readonly string[], options: RunOptions = {}): Outcome {
    const result = spawnSync(command, args, {
      cwd: options.cwd ?? this.directory,
      env: { ...this.env, ...options.env },
      input: options.input ?? "",
      encoding: "utf8",
      maxBuffer: 256 * 1024 * 1024,
      timeout: 300_000,
    });
    if (result.error) throw result.error;
    return { code: result.status, signal: result.signal, stdout: result.stdout, stderr: result.stderr };
  }

  vrift(args: readonly string[], options: RunOptions = {}): Outcome {
    return this.run(vriftCommand, args, options);
  }

  /** As `vrift`, and fails when the command did. */
  mustVrift(args: readonly string[], options: RunOptions = {}): Outcome {
    const outcome = this.vrift(args, options);
    if (outcome.code !== 0)
      throw new Error(`vrift ${args.join(" ")} exited ${outcome.code}\n${outcome.stderr}`);
    return outcome;
  }

  /** A shell script in `cwd`, bare or under `vrift run`. */
  sh(script: string, cwd: string, through: "bare" | "vrift", options: RunOptions = {}): Outcome {
    return through === "bare"
      ? this.run("bash", ["-c", script], { ...options, cwd })
      : this.vrift(["run", "--", "bash", "-c", script], { ...options, cwd });
  }

  dispose(): void {
    this.vrift(["daemon", "stop"]);
    removeTree(this.directory);
  }
}

/** Settings of the package client that the machine's environment carries (mirrors, proxies, certificates). */
function packageClientSettings(): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (
      value !== undefined &&
      /^(npm_config_|NPM_CONFIG_|https?_proxy$|no_proxy$|HTTPS?_PROXY$|NO_PROXY$|NODE_EXTRA_CA_CERTS$|SSL_CERT)/.test(
        name,
      )
    ) {
      kept[name] = value;
    }
  }
  const userconfig = process.env["NPM_CONFIG_USERCONFIG"] ?? join(process.env["HOME"] ?? "", ".npmrc");
  if (existsSync(userconfig)) kept["NPM_CONFIG_USERCONFIG"] = userconfig;
  return kept;
}

/** The npm 10.9.9 package (2,009 files) as the registry has it, fetched once per checkout. */
export function npmPackageTree(): string {
  const cache = join(projectRoot, "build", "test-cache");
  const tree = join(cache, "npm-10.9.9");
  if (existsSync(tree)) return tree;
  const work = mkdtempSync(join(tmpdir(), "vrift-npm-"));
  const steps = [
    ["npm", "pack", "--silent", "npm@10.9.9"],
    ["tar", "xf", "npm-10.9.9.tgz"],
  ] as const;
  for (const [command, ...args] of steps) {
    const step = spawnSync(command, args, { cwd: work, encoding: "utf8" });
    if (step.status !== 0) throw new Error(`${command} ${args.join(" ")} failed: ${step.stderr}`);
  }
  mkdirSync(cache, { recursive: true });
  spawnSync("cp", ["-a", join(work, "package"), `${tree}.${process.pid}`]);
  try {
    renameSync(`${tree}.${process.pid}`, tree);
  } catch {
    rmSync(`${tree}.${process.pid}`, { recursive: true }); // another test process was first
  }
  rmSync(work, { recursive: true });
  return tree;
}

export function copyTree(from: string, to: string): void {
  const copied = spawnSync("cp", ["-a", from, to], { encoding: "utf8" });
  if (copied.status !== 0) throw new Error(copied.stderr);
}

/**
 * A shell script that prints one line per name: path, type, mode, size, nanosecond mtime, link target, content hash.
 * `.vrift` and git's index (it holds inode numbers) are left out; times at or after `since` (seconds) print as "new".
 */
export function listingScript(since = 4_000_000_000): string {
  return `
    find . -path ./.vrift -prune -o -mindepth 1 -printf '%P\\t%y\\t%m\\t%s\\t%T@\\t%l\\n' |
      awk -F'\\t' -v OFS='\\t' '{ if ($2 == "d") $4 = "-"; if ($1 ~ /(^|\\/)\\.git\\/index$/) $4 = "-"; if ($5 + 0 >= ${since}) $5 = "new"; print }' | sort
    find . -path ./.vrift -prune -o -path '*/.git/index' -prune -o -type f -print0 | sort -z | xargs -0 -r sha256sum`;
}
