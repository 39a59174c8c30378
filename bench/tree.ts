/** Trees to measure on. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Files in directories of 64, or so many. Each key has `keyBytes` bytes, or more where that is too few. Returns the keys. */
export function makeTree(root: string, files: number, keyBytes: number, inEach = 64): string[] {
  const keys: string[] = [];
  for (let n = 0; n < files; n++) {
    const unit = Math.floor(n / inEach);
    const directory = `packages/group-${Math.floor(unit / 64) % 64}/unit-${unit}`;
    const stem = `${directory}/f${n}-`;
    const key = `${stem}${"x".repeat(Math.max(0, keyBytes - stem.length - 3))}.js`;
    if (n % inEach === 0) mkdirSync(dirname(join(root, key)), { recursive: true });
    writeFileSync(join(root, key), `export const value = ${n};\n`);
    keys.push(key);
  }
  return keys;
}
