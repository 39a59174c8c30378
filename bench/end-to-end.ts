/**
 * Whole programs on a tree of some 50,000 files, through `vrift run` on the phantom tree and bare on the same tree made plain,
 * interleaved. A program that is not installed is left out, and said so.
 */
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Sandbox, copyTree, projectRoot } from "../test/e2e/sandbox.js";
import type { BenchCase, BenchContext, BenchRow } from "./case.js";
import { spread } from "./statistics.js";

/** Commands; `{modules}` is the project's own node_modules. */
const PROGRAMS: Readonly<Record<string, readonly string[]>> = {
  find: ["find", ".", "-name", "*.none"],
  "find -newer": ["find", ".", "-newer", "package.json", "-name", "*.none"],
  "ls -lR": ["ls", "-lR", "."],
  "git status": ["git", "status", "--short"],
  "npm ls": ["npm", "ls", "--all", "--silent"],
  "tsc --noEmit": ["node", "{modules}/typescript/bin/tsc", "--noEmit"],
  eslint: ["node", "{modules}/eslint/bin/eslint.js", "packages"],
};

export const endToEnd: BenchCase = {
  name: "end-to-end",
  summary: "find, ls -lR, git status, npm ls, tsc, eslint on 50,000 files, with and without",
  run(context) {
    const sandbox = new Sandbox();
    try {
      const [phantom, plain] = [sandbox.path("p"), sandbox.path("q")];
      makeProject(plain, context.toy ? 300 : 50_000);
      sandbox.run("git", ["init", "--quiet"], { cwd: plain });
      sandbox.run("git", ["add", "--all"], { cwd: plain });
      sandbox.run("git", ["commit", "--quiet", "--message", "all"], { cwd: plain });
      copyTree(plain, phantom);
      sandbox.mustVrift(["phantom", "--yes", phantom]);
      return Object.entries(PROGRAMS).flatMap(([what, command]) =>
        compare(sandbox, context, what, command, phantom, plain),
      );
    } finally {
      sandbox.dispose();
    }
  },
};

function compare(
  sandbox: Sandbox,
  context: BenchContext,
  what: string,
  command: readonly string[],
  phantom: string,
  plain: string,
): BenchRow[] {
  const words = command.map((word) => word.replace("{modules}", join(projectRoot, "node_modules")));
  const program = words[1] ?? "";
  if (words[0] === "node" && !isScript(program)) {
    context.note(`${what}: not installed as a program of Node (the library enters no static one), left out`);
    return [];
  }
  const [ours, theirs]: [number[], number[]] = [[], []];
  // The first round warms both sides up and is not counted.
  for (let round = -1; round < (context.toy ? 1 : 5); round++) {
    const through = seconds(() => sandbox.vrift(["run", "--", ...words], { cwd: phantom }).code);
    const bare = seconds(() => sandbox.run(words[0] ?? "", words.slice(1), { cwd: plain }).code);
    if (through.code !== bare.code)
      throw new Error(`${what}: ends with ${through.code}, bare with ${bare.code}`);
    if (round < 0) continue;
    ours.push(through.ms);
    theirs.push(bare.ms);
  }
  context.note(`${what}: done`);
  const ratio = spread(ours.map((value, round) => (theirs[round] ?? NaN) / value));
  return [{ what, unit: "ms", ours: spread(ours), theirs: spread(theirs), ratio }];
}

/** TypeScript 7 has a package of the same name that starts a static binary. */
function isScript(program: string): boolean {
  const manifest = join(program, "../../package.json");
  if (!existsSync(program) || !existsSync(manifest)) return false;
  const { name, version } = JSON.parse(readFileSync(manifest, "utf8")) as { name: string; version: string };
  return name !== "typescript" || Number.parseInt(version, 10) < 7;
}

function seconds(run: () => number | null): { readonly ms: number; readonly code: number | null } {
  const begun = process.hrtime.bigint();
  const code = run();
  return { ms: Number(process.hrtime.bigint() - begun) / 1e6, code };
}

/** Small modules that import each other, a tsconfig, and the packages that `npm ls` lists. */
function makeProject(root: string, files: number): void {
  mkdirSync(root, { recursive: true });
  const inEach = 10;
  for (let n = 0; n < files; n++) {
    const directory = join(root, `packages/group-${Math.floor(n / 1000)}/unit-${Math.floor(n / inEach)}`);
    if (n % inEach === 0) mkdirSync(directory, { recursive: true });
    const imported = n % inEach === 0 ? "" : `import { v${n - 1} } from "./m${n - 1}.js";\n`;
    const sum = n % inEach === 0 ? "0" : `v${n - 1} + 1`;
    writeFileSync(join(directory, `m${n}.ts`), `${imported}export const v${n} = ${sum};\n`);
  }
  const dependencies: Record<string, string> = {};
  for (const name of ["node-api-headers", "smol-toml"]) {
    const from = join(projectRoot, "node_modules", name);
    if (!existsSync(from)) continue;
    cpSync(from, join(root, "node_modules", name), { recursive: true, dereference: true });
    dependencies[name] = "*";
  }
  writeFileSync(join(root, "package.json"), JSON.stringify({ name: "bench", type: "module", dependencies }));
  writeFileSync(
    join(root, "tsconfig.json"),
    JSON.stringify({
      compilerOptions: { module: "nodenext", target: "es2022", strict: true },
      include: ["packages/group-0"],
    }),
  );
  writeFileSync(join(root, "eslint.config.js"), "export default [{ rules: { 'no-undef': 'error' } }];\n");
}
