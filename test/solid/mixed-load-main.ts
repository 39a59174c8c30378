/** `npm run stress:load -- [MINUTES] [SEED] [PROJECTS]`: mixed load in ten projects, and whether what the daemons hold levels off. 1 when it does not. */
import { TestHome } from "../cli/vrift-process.js";
import { growth, mixedLoad } from "./mixed-load.js";
import type { Held } from "./mixed-load.js";

/** The second half against the first. */
const MOST = 1.05;

const [minutes = "60", seed = String(Date.now() % 1_000_000), projects = "10"] = process.argv.slice(2);
const home = new TestHome();
try {
  console.log(`seed ${seed}`);
  const { rounds, samples } = await mixedLoad({
    home,
    seed: Number(seed),
    durationMs: Number(minutes) * 60_000,
    projects: Number(projects),
    files: 2000,
    sampleMs: Math.min(5000, Number(minutes) * 1000),
  });
  console.log(`${rounds} rounds, ${samples.length} looks`);
  const measures: readonly (readonly [string, (held: Held) => number])[] = [
    ["private memory, KiB", (held) => held.privateKiB],
    ["descriptors", (held) => held.descriptors],
    ["watches", (held) => held.watches],
    ["index, bytes", (held) => held.indexBytes],
  ];
  for (const [name, of] of measures) {
    const { first, second, ratio } = growth(samples, of);
    console.log(
      `${name}: ${first.toFixed(0)} in the first half, ${second.toFixed(0)} in the second: ${ratio.toFixed(3)}`,
    );
    if (!(ratio <= MOST)) process.exitCode = 1;
  }
} finally {
  await home.remove();
}
