/**
 * `npm run stress:watchers -- [ROUNDS]`: chokidar and vite's own watcher, bare and under the library in a solid tree, while others change it, outside and
 * under the library. Every file that comes, changes and goes must be told of, once where it comes and goes, and what the watcher finds when it looks at that
 * moment must be what is there. 1 when something is missed or doubted. Fetches both packages.
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Sandbox, vriftCommand } from "../e2e/sandbox.js";

const PACKAGES = ["chokidar@4", "vite@7"];
const FILES = 60;
/** Longer than any event on a busy machine: one that has not come by then is missed. */
const PATIENCE_MS = 5_000;
const PROBE_MS = 500;

/** Prints each event with the size that the file has for whoever is told; -1 when it is not there. */
const WATCHER = `
const [kind, root] = process.argv.slice(2);
const fs = await import("node:fs");
const path = await import("node:path");
const watcher = kind === "vite"
  ? (await (await import("vite")).createServer({ root, configFile: false, logLevel: "silent", appType: "custom", server: { middlewareMode: true, ws: false } })).watcher
  : (await import("chokidar")).watch(root, { ignoreInitial: true });
watcher.on("all", (event, file) => {
  let size = -1;
  try { size = fs.statSync(path.resolve(root, file)).size; } catch {}
  console.log(event + " " + size + " " + path.relative(root, path.resolve(root, file)));
});
process.stdin.on("end", () => process.exit()).resume();
`;

type Kind = "add" | "change" | "unlink";
type Change = (paths: readonly string[], kind: Kind) => void;

interface Told {
  readonly event: string;
  readonly size: number;
}

class Watched {
  readonly told = new Map<string, Told[]>();
  readonly #child;
  #wake = (): void => undefined;

  constructor(sandbox: Sandbox, root: string, kind: string, through: readonly string[]) {
    const words = [...through, process.execPath, sandbox.path("packages/watcher.mjs"), kind, root];
    this.#child = spawn(words[0]!, words.slice(1), {
      cwd: root,
      env: sandbox.env,
      stdio: ["pipe", "pipe", "inherit"],
    });
    createInterface({ input: this.#child.stdout }).on("line", (line) => {
      const [event = "", size = "", ...path] = line.split(" ");
      const key = path.join(" ");
      this.told.set(key, [...(this.told.get(key) ?? []), { event, size: Number(size) }]);
      this.#wake();
    });
  }

  /** It has begun when it tells of a new file: before that it may take one for having been there. */
  async begun(root: string): Promise<void> {
    for (let i = 0; i < PATIENCE_MS / PROBE_MS; i++) {
      const probe = join(root, "src", `probe-${i}`);
      writeFileSync(probe, "");
      const told = await this.#until(() => this.told.has(`src/probe-${i}`), PROBE_MS);
      rmSync(probe);
      if (told) return;
    }
    throw new Error("the watcher does not begin");
  }

  /** False when it has not been told of in time. */
  of(path: string, event: string): Promise<boolean> {
    return this.#until(() => this.told.get(path)?.some((each) => each.event === event) === true);
  }

  async #until(holds: () => boolean, patienceMs = PATIENCE_MS): Promise<boolean> {
    const deadline = Date.now() + patienceMs;
    while (!holds() && Date.now() < deadline)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 100);
        this.#wake = () => (clearTimeout(timer), resolve());
      });
    return holds();
  }

  async end(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.stdin.end();
    await ended;
  }
}

/** One round; what was missed or doubted. */
async function round(watched: Watched, root: string, name: string, change: Change): Promise<string[]> {
  const wrong: string[] = [];
  // Watchers miss, by themselves, what appears in a directory that they have not begun to watch.
  for (let i = 0; i < 5; i++) {
    mkdirSync(join(root, "src", `${name}-${i}`));
    if (!(await watched.of(`src/${name}-${i}`, "addDir"))) wrong.push(`no addDir of ${name}-${i}`);
  }
  const paths = Array.from({ length: FILES }, (_, i) => `src/${name}-${i % 5}/f ${i}.js`);
  for (const [kind, size] of [
    ["add", 3],
    ["change", 8],
    ["unlink", -1],
  ] as const) {
    change(
      paths.map((path) => join(root, path)),
      kind,
    );
    for (const path of paths) {
      const event = (await watched.of(path, kind)) || `no ${kind} of ${path}`;
      if (event !== true) wrong.push(event);
      const last = watched.told.get(path)?.at(-1);
      if (last !== undefined && last.size !== size)
        wrong.push(`${last.event} of ${path}: seen ${last.size} bytes, not ${size}`);
    }
  }
  for (const path of paths)
    for (const kind of ["add", "unlink"]) {
      const count = watched.told.get(path)?.filter(({ event }) => event === kind).length;
      if (count !== 1) wrong.push(`${count} times ${kind} of ${path}`);
    }
  return wrong;
}

/** Each of them in one step, so that there is one size to be seen. */
const outside: Change = (paths, kind) => {
  for (const path of paths) {
    if (kind === "add") {
      writeFileSync(`${path}~`, "new");
      renameSync(`${path}~`, path);
    } else if (kind === "change") writeFileSync(path, "changed!", { flag: "r+" });
    else rmSync(path);
  }
};

const INJECTED: Readonly<Record<Kind, string>> = {
  add: 'printf new > "$path~"; mv "$path~" "$path"',
  change: 'printf changed! | dd of="$path" conv=notrunc status=none',
  unlink: 'rm "$path"',
};

const rounds = Number(process.argv[2] ?? "3");
const sandbox = new Sandbox();
let wrong = 0;
try {
  mkdirSync(sandbox.path("packages"));
  writeFileSync(sandbox.path("packages/package.json"), "{}");
  writeFileSync(sandbox.path("packages/watcher.mjs"), WATCHER);
  const fetched = sandbox.run(
    "npm",
    ["install", "--no-audit", "--no-fund", "--loglevel=error", ...PACKAGES],
    {
      cwd: sandbox.path("packages"),
    },
  );
  if (fetched.code !== 0) throw new Error(fetched.stderr);
  sandbox.env["VRIFT_SETTLE_SECONDS"] = "0";
  const root = sandbox.path("tree");
  mkdirSync(join(root, "src"), { recursive: true });
  for (let i = 0; i < 500; i++) writeFileSync(join(root, "src", `there-${i}.js`), "export {};");
  const run = [vriftCommand, "run", "--root", root, "--"];
  sandbox.mustVrift(["sync", "--root", root]);
  const injected: Change = (paths, kind) => {
    const script = `for path; do ${INJECTED[kind]}; done`;
    const args = [...run.slice(1), "sh", "-c", script, "sh", ...paths];
    const { status, stderr } = spawnSync(vriftCommand, args, { env: sandbox.env, encoding: "utf8" });
    if (status !== 0) throw new Error(`${kind}: ${stderr}`);
  };
  for (const kind of ["chokidar", "vite"])
    for (const through of [[], run]) {
      const watched = new Watched(sandbox, root, kind, through);
      const how = `${kind}, ${through.length > 0 ? "under the library" : "bare"}`;
      await watched.begun(root);
      const found: string[] = [];
      for (let i = 0; i < rounds; i++) {
        found.push(...(await round(watched, root, `outside${i}`, outside)));
        found.push(...(await round(watched, root, `injected${i}`, injected)));
      }
      await watched.end();
      rmSync(join(root, "src"), { recursive: true });
      mkdirSync(join(root, "src"));
      wrong += through.length > 0 ? found.length : 0;
      console.log(`${how}: ${rounds * 2 * FILES * 3} changes, ${found.length} missed or doubted`);
      for (const text of found.slice(0, 10)) console.log(`    ${text}`);
    }
} finally {
  sandbox.dispose();
}
process.exitCode = wrong === 0 ? 0 : 1;
