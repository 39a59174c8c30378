/**
 * `npm run sanitize [-- SECONDS [ROWS]]`: the native parts under AddressSanitizer and UBSan (what can be compiled with libc), and every case of native/test/each
 * with the library itself under valgrind's memcheck. SECONDS (10) for each fuzzer; with 0 only the second kind is run. ROWS: a pattern of cases. Prints a line for each, with what was done; ends with 1
 * when one of them complained. The suite runs short forms of the first kind.
 */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { basename, join } from "node:path";
import { plainPrograms, sanitizedPrograms } from "../checking-program.js";
import { makeEachTree } from "./each-tree.js";
import { buildNative, LIBRARY, Phantom, program } from "./phantom-fixture.js";

const repository = join(import.meta.dirname, "../../..");
const native = join(repository, "native");
const seconds = process.argv[2] ?? "10";
const wanted = new RegExp(process.argv[3] ?? "");
const seed = process.env["VRIFT_TEST_SEED"] ?? String(Date.now() % 2 ** 31);
const COMPLAINED = 99;
const LIMIT_MS = 120_000;

const base = mkdtempSync(join(tmpdir(), "vrift-sanitize-"));
let failures = 0;

function report(what: string, right: boolean, detail: string): void {
  if (!right) failures += 1;
  process.stdout.write(`${right ? "clean" : "FAILED"}  ${what}: ${detail.trim().replaceAll("\n", "; ")}\n`);
}

function sanitized(): void {
  const places = sanitizedPrograms([
    "index_check",
    "inception_check",
    "fuzz_index",
    "fuzz_library",
    "fuzz_export",
  ]);
  if (places === undefined) {
    report("sanitizers", false, "the compiler does not have them");
    return;
  }
  const corpus = join(repository, "test/data/corpus/shared-memory");
  const runs: readonly (readonly string[])[] = [
    [places.index_check, "model", join(base, "model.index"), seed],
    [places.index_check, "hostile", join(base, "hostile.index"), seed],
    [places.index_check, "race", join(base, "race.index"), "2000"],
    [places.inception_check, base],
    ...(["fuzz_index", "fuzz_library", "fuzz_export"] as const).map((name) => [
      places[name],
      corpus,
      seed,
      seconds,
      join(base, `${name}.input`),
    ]),
  ];
  for (const [path = "", ...args] of runs) {
    const ended = spawnSync(path, args, { encoding: "utf8", timeout: LIMIT_MS + Number(seconds) * 1000 });
    const name = [basename(path), args[0]?.startsWith("/") ? "" : args[0]].join(" ").trim();
    report(
      `asan+ubsan ${name}`,
      ended.status === 0,
      `${ended.stdout}${ended.status === 0 ? "" : `${ended.signal ?? ""} ${ended.stderr}`}`,
    );
  }
}

/** The exit code and what memcheck wrote. */
function memcheck(
  log: string,
  cwd: string,
  env: Record<string, string>,
  command: readonly string[],
): Promise<number | null> {
  const options = [
    "--quiet",
    `--suppressions=${join(native, "test/valgrind.supp")}`,
    `--error-exitcode=${COMPLAINED}`,
    `--log-file=${log}`,
  ];
  return new Promise((resolve, reject) => {
    const child = spawn("valgrind", [...options, ...command], {
      cwd,
      env: { ...process.env, ...env },
      stdio: "ignore",
    });
    const timer = setTimeout(() => child.kill("SIGKILL"), LIMIT_MS);
    child.once("error", reject);
    child.once("close", (code) => {
      clearTimeout(timer);
      resolve(code);
    });
  });
}

async function underValgrind(): Promise<void> {
  if (spawnSync("valgrind", ["--version"]).status !== 0) {
    report("valgrind", false, "it is not installed (Debian: apt-get install valgrind)");
    return;
  }
  buildNative();
  const rows = execFileSync(program("each"), ["--rows"], { encoding: "utf8" })
    .trim()
    .split("\n")
    .filter((row) => wanted.test(row));
  const root = join(base, "home", "tree");
  makeEachTree(root, rows);
  const phantom = await Phantom.start(root, join(base, "run"), join(base, "source"));
  const complained: string[] = [];
  let right = 0;
  const left = [...rows];
  const one = async (): Promise<void> => {
    for (let row = left.pop(); row !== undefined; row = left.pop()) {
      const log = join(base, `${row}.log`);
      const code = await memcheck(log, join(root, row), phantom.environment, [
        program("each"),
        row,
        "intercepted",
      ]);
      if (code === 0) right += 1;
      if (code === COMPLAINED || code === null)
        complained.push(`${row}: ${code ?? "killed"}: ${readFileSync(log, "utf8").slice(0, 2000)}`);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, one));
  await phantom.stop();
  // Programs that valgrind starts run without it, and rights may be missing: their answers are the suite's business.
  report(
    "valgrind each",
    complained.length === 0,
    `${rows.length} cases, ${right} right, ${complained.length} complaints ${complained.join("\n")}`,
  );
  const index = plainPrograms(["index_check"]).index_check;
  const log = join(base, "index.log");
  const code = await memcheck(log, base, {}, [index, "hostile", join(base, "valgrind.index"), seed]);
  report(
    "valgrind index-check hostile",
    code === 0,
    code === 0 ? "no complaint" : readFileSync(log, "utf8").slice(0, 2000),
  );
}

try {
  process.stdout.write(`seed ${seed}, library ${LIBRARY.slice(repository.length + 1)}\n`);
  if (seconds !== "0") sanitized();
  await underValgrind();
} finally {
  rmSync(base, { recursive: true, force: true });
}
process.exitCode = failures > 0 ? 1 : 0;
