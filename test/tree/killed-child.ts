/**
 * A process that runs one tree procedure and kills itself with SIGKILL right before the n-th change it would make to the
 * file system: every call that changes a name, an inode or a byte counts. Prints the number of calls when it gets through.
 * Arguments: n, access kind, fixture directory, procedure, its arguments.
 */
import { countCalls } from "../kill-before-call.js";

async function main([at, kind, directory, procedure, ...paths]: string[]): Promise<void> {
  const counter = countCalls();
  const { openFixture } = await import("./fixture.js");
  const { fixture, close } = await openFixture(directory!, kind as "file" | "local");
  const { context } = fixture;
  const [first, second] = paths as [string, string];
  const before = counter.calls;
  counter.killBefore(Number(at));
  if (procedure === "phantom") {
    const { phantom } = await import("../../src/tree/phantom.js");
    await phantom(first, context, { yes: true });
  } else if (procedure === "solid") {
    const { solid } = await import("../../src/tree/solid.js");
    await solid(first, context);
  } else {
    const { clone } = await import("../../src/tree/clone.js");
    await clone(first, second, context);
  }
  const made = counter.calls - before;
  counter.killBefore(Infinity);
  await close();
  process.stdout.write(String(made));
}

await main(process.argv.slice(2));
