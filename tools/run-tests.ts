/**
 * Runs every test file that has a source (dist/ may hold compiled files of sources long gone), or those whose path
 * contains one of the arguments. Fails on a failed test, on a file without tests, on no test at all, and on a skipped
 * test that test/allowed-skips.json does not name with a reason.
 *
 * Hundreds of real processes race here on whatever the machine has left. When at most AGAIN files fail, they run once more,
 * alone: only what fails then too fails the run. What the first run printed stays in sight, and is a defect to mend.
 */
import { readFileSync, readdirSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { fileURLToPath } from "node:url";

/** Files at once: on two cores, which is what a small machine has, tests wait for processes most of the time. */
const CONCURRENCY = 3;
/** More failures than this are no accident. */
const AGAIN = 3;
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
  let failed = await runFiles(files, CONCURRENCY);
  if (failed.size > 0 && failed.size <= AGAIN) {
    const names = [...failed].map((file) => relative(project, file)).join(", ");
    console.error(`run-tests: failed beside others, once more alone: ${names}`);
    failed = await runFiles([...failed], 1);
    if (failed.size === 0) console.error(`run-tests: UNSTEADY, passed alone: ${names}`);
  }
  if (failed.size > 0) process.exitCode = 1;
}
if (count === 0) complaints.push("no test ran");
for (const complaint of complaints) console.error(`run-tests: ${complaint}`);
if (complaints.length > 0) process.exitCode = 1;

/** Those of `chosen` in which something failed. */
async function runFiles(chosen: string[], concurrency: number): Promise<Set<string>> {
  const failed = new Set<string>();
  const events = run({ files: chosen, concurrency, timeout: FILE_TIMEOUT_MS });
  events.on("test:fail", ({ name, file }) => {
    count += 1;
    // One that does not load is reported by its name.
    failed.add(file ?? resolve(name));
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
  await pipeline(events, new spec(), process.stdout, { end: false });
  return failed;
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
