/** Every kind of change to an odd tree (odd-tree.ts), by a program that knows nothing of vrift: what is virtual is put in place first. */
import {
  appendFileSync,
  chmodSync,
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { native } from "../../src/platform/native.js";

export function changeTree(root: string): void {
  const at = (name: string): string => join(root, name);
  appendFileSync(at("plain.txt"), "more");
  writeFileSync(at("sub/dup-1"), "14 other bytes"); // the same size
  native.setTimes(at("sub/dup-1"), 1n, 1_600_003_000n * 1_000_000_000n + 123_456_789n);
  rmSync(at("sub/deep"), { recursive: true });
  writeFileSync(at("sub/deep"), "a file where a directory was");
  unlinkSync(at("empty"));
  mkdirSync(at("empty"));
  writeFileSync(at("empty/inside"), "a directory where a file was");
  chmodSync(at("sub/private"), 0o644);
  native.setTimes(at("sub/old"), 5n, 5n);
  renameSync(at("tools/run.sh"), at("tools/renamed.sh"));
  unlinkSync(at("sub/link"));
  symlinkSync("elsewhere", at("sub/link"));
  unlinkSync(at("sub/linked-2"));
  writeFileSync(at("sub/linked-2"), "one inode");
  linkSync(at("sub/big"), at("sub/big-2"));
  chmodSync(at("locked"), 0o755);
  writeFileSync(at("locked/new"), "new");
  unlinkSync(at("dangling"));
  rmSync(at("empty-directory"), { recursive: true });
  mkdirSync(at("new/deeper"), { recursive: true });
  writeFileSync(at("new/deeper/file"), "new");
  writeFileSync(at(".env"), "TOKEN=2");
}
