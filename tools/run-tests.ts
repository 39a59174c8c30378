/**
 * Runs every test file that has a source (dist/ may hold compiled files of sources long gone), or those whose path
 * contains one of the arguments. Fails on a failed test, on a file without tests, on no test at all, and on a skipped
 * test that test/allowed-skips.json does not name with a reason.
 */
import { readFileSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { fileURLToPath } from "node:url";

/** Files at once: two cores is what a small machine has, and a few tests measure time. */
const CONCURRENCY = 2;
/** A file that takes longer hangs. */
const FILE_TIMEOUT_MS = 10 * 60 * 1000;

const project = fileURLToPath(new URL("../../", import.meta.url));
const wanted = process.argv.slice(2);

const files = ["src", "tools", "test", "bench"]
  .flatMap(sourcesIn)
  .map((source) => join("dist", source.replace(/\.ts$/, ".js")))
  .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))
  .sort()
  .map((file) => join(project, file));

const allowedSkips = JSON.parse(readFileSync(join(project, "test/allowed-skips.json"), "utf8")) as Record<
  string,
  string
>;
const complaints: string[] = [];
let count = 0;

if (files.length === 0) {
  // Without a file the runner would look for some itself.
  complaints.push(`no test file matches "${wanted.join(" ")}"`);
} else {
  runFiles();
}

process.on("exit", () => {
  if (count === 0) complaints.push("no test ran");
  for (const complaint of complaints) console.error(`run-tests: ${complaint}`);
  if (complaints.length > 0) process.exitCode = 1;
});

function runFiles(): void {
  const events = run({ files, concurrency: CONCURRENCY, timeout: FILE_TIMEOUT_MS });
  events.on("test:fail", () => {
    count += 1;
    process.exitCode = 1;
  });
  events.on("test:pass", ({ name, skip, todo, details }) => {
    // A file without tests is reported as one test with the file's name.
    if (files.includes(resolve(name))) complaints.push(`${name} has no tests`);
    else if (details.type !== "suite") count += 1;
    const left = skip ?? todo;
    if (left !== undefined && left !== false && allowedSkips[name] === undefined) {
      complaints.push(`"${name}" was skipped, and test/allowed-skips.json does not say why it may be`);
    }
  });
  events.pipe(new spec()).pipe(process.stdout);
}

function sourcesIn(directory: string): string[] {
  try {
    return readdirSync(join(project, directory), { recursive: true, encoding: "utf8" })
      .filter((path) => path.endsWith(".test.ts"))
      .map((path) => join(directory, path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
