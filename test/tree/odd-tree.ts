/** A tree with one of everything the policy knows, and some plain files with hard names. */
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  openSync,
  closeSync,
  ftruncateSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { native } from "../../src/platform/native.js";

export const PLAIN = [
  "plain.txt",
  "empty",
  "sub/dup-1",
  "sub/dup-2",
  "sub/deep/er/x.json",
  "sub/name with\nnewline",
  "sub/ünïcødé-文件",
  "sub/-dash",
  "sub/private",
  "sub/readonly",
  "sub/old",
  "sub/big",
  "sub/sparse",
];

export function makeOddTree(root: string): void {
  mkdirSync(join(root, "sub/deep/er"), { recursive: true });
  for (const name of ["empty-directory", "locked", ".git", "tools"]) mkdirSync(join(root, name));
  for (const name of PLAIN) writeFileSync(join(root, name), `content of ${name}\n`);
  writeFileSync(join(root, "empty"), "");
  writeFileSync(join(root, "sub/dup-1"), "twice the same");
  writeFileSync(join(root, "sub/dup-2"), "twice the same");
  writeFileSync(join(root, "sub/big"), Buffer.alloc(3_000_000, "vrift"));
  const sparse = openSync(join(root, "sub/sparse"), "w");
  ftruncateSync(sparse, 1 << 20);
  writeSync(sparse, "end", 900_000);
  closeSync(sparse);
  writeFileSync(Buffer.concat([Buffer.from(`${root}/sub/bad-`), Buffer.from([0xff, 0xfe])]), "not UTF-8");
  writeFileSync(join(root, "locked/in-readonly-directory"), "no names can be made here");
  writeFileSync(join(root, ".env"), "TOKEN=1");
  writeFileSync(join(root, ".git/config"), "[core]");
  writeFileSync(join(root, "tools/run.sh"), "#!/bin/sh\n");
  writeFileSync(join(root, "tools/setuid"), "s");
  writeFileSync(join(root, "tools/addon.node"), Buffer.from("\x7fELF and so on", "latin1"));
  writeFileSync(join(root, "tools/linked-1"), "one inode");
  linkSync(join(root, "tools/linked-1"), join(root, "sub/linked-2"));
  symlinkSync("../plain.txt", join(root, "sub/link"));
  symlinkSync("nowhere", join(root, "dangling"));
  execFileSync("mkfifo", [join(root, "tools/fifo")]);
  copyFileSync(join(root, "plain.txt"), join(root, "sub/dup-3"));
  setModes(root);
  setTimes(root);
}

function setModes(root: string): void {
  chmodSync(join(root, "sub/private"), 0o600);
  chmodSync(join(root, "sub/readonly"), 0o444);
  chmodSync(join(root, "tools/run.sh"), 0o755);
  chmodSync(join(root, "tools/setuid"), 0o4644);
  chmodSync(join(root, "locked"), 0o555);
  chmodSync(join(root, "sub/deep"), 0o700);
}

function setTimes(root: string): void {
  let second = 1_600_000_000n;
  for (const name of [...PLAIN, ".env", "tools/run.sh", "tools/fifo", "tools/linked-1"]) {
    second += 1000n;
    native.setTimes(join(root, name), second * 1_000_000_000n, second * 1_000_000_000n + 123_456_789n);
  }
  native.setTimes(join(root, "sub/old"), -1n, -1_000_000_001n);
  lutimesSync(join(root, "sub/link"), 1_500_000_000, 1_500_000_000.25);
  for (const name of ["sub/deep/er", "sub/deep", "sub", "tools", "locked", "empty-directory", ".git", "."]) {
    second += 1000n;
    native.setTimes(join(root, name), second * 1_000_000_000n, second * 1_000_000_000n + 987_654_321n);
  }
}
