/** Says that a virtual name is removed, as a program does: a file in `.vrift/whiteouts/` that holds the key. */
import { linkSync } from "node:fs";
import { join } from "node:path";
import {
  isErrno,
  makeDirectory,
  readPrivateFile,
  unlinkIfPresent,
  writeFileAtomic,
} from "../platform/files.js";
import { projectPaths } from "../platform/paths.js";
import { whiteoutStem } from "./whiteouts.js";
import { stagingName } from "./staging-name.js";

export function whiteOut(root: string, key: string): void {
  const { staging, whiteouts } = projectPaths(root);
  makeDirectory(staging);
  makeDirectory(whiteouts);
  const bytes = Buffer.from(key);
  const stem = join(whiteouts, whiteoutStem(bytes));
  const temporary = stagingName(staging);
  writeFileAtomic(temporary, bytes);
  try {
    for (let n = 0; ; n++) {
      const name = n === 0 ? stem : `${stem}.${n}`;
      try {
        linkSync(temporary, name);
        return;
      } catch (error) {
        if (!isErrno(error, "EEXIST")) throw error;
        if (readPrivateFile(name)?.equals(bytes)) return;
      }
    }
  } finally {
    unlinkIfPresent(temporary);
  }
}
