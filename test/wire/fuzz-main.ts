/** `npm run fuzz:wire -- FRAMES SEED`: damaged frames against decoders and daemons; result and corpus are kept in test/data/. */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { keepWireCorpus, wireCorpus } from "./fuzz-corpus.js";
import { fuzzWire } from "./fuzz.js";

const [frames = "1000000", seed = String(Date.now() % 2 ** 31)] = process.argv.slice(2);
const corpus = wireCorpus();
const git = (...args: string[]): string => execFileSync("git", args, { encoding: "utf8" }).trim();
// What runs is what was there at the start.
const ran = {
  commit: git("rev-parse", "HEAD"),
  changed: git("status", "--porcelain", "src", "test", "native") !== "",
};
try {
  const report = await fuzzWire(Number(frames), Number(seed), corpus);
  const result = {
    date: new Date().toISOString(),
    ...ran,
    node: process.version,
    ...report,
  };
  const text = `${JSON.stringify(result, null, 2)}\n`;
  writeFileSync(new URL("../../../test/data/fuzz-wire.json", import.meta.url), text);
  process.stdout.write(text);
} finally {
  keepWireCorpus(corpus);
}
