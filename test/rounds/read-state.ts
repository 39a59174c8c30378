/** The directory of writer.ts as a program sees it. With an argument: prints that one's as JSON. */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { argv, stdout } from "node:process";
import { fileURLToPath } from "node:url";
import type { State } from "./operations.js";

export function readState(directory: string): State {
  const state: State = new Map();
  const walk = (prefix: string): void => {
    for (const entry of readdirSync(join(directory, prefix), { withFileTypes: true })) {
      const path = prefix + entry.name;
      if (entry.isDirectory()) {
        state.set(`${path}/`, "");
        walk(`${path}/`);
      } else state.set(path, readFileSync(join(directory, path), "latin1"));
    }
  };
  walk("");
  return state;
}

if (argv[1] === fileURLToPath(import.meta.url)) stdout.write(JSON.stringify([...readState(argv[2]!)]));
