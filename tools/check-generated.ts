/** Fails when a committed generated file differs from its source. */
import { readFileSync } from "node:fs";
import { generatedFiles } from "./generated-files.js";

for (const [path, text] of generatedFiles()) {
  let committed = "";
  try {
    committed = readFileSync(path, "utf8");
  } catch {
    // A missing file differs.
  }
  if (committed !== text) {
    console.error(`${path} is not what its source says. Run: npm run generate`);
    process.exitCode = 1;
  }
}
