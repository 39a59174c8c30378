import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("./own-namespace.js", import.meta.url));
const unshare = ["--user", "--map-root-user", "--mount"];

test("mounts over a solid tree, and the limit of watches", (t) => {
  if (spawnSync("unshare", [...unshare, "mount", "-t", "tmpfs", "none", "/mnt"]).status !== 0)
    return t.skip("user namespaces are not allowed");
  const args = [...unshare, process.execPath, program, "60", "1", "1"];
  const { status, stdout, stderr } = spawnSync("unshare", args, { encoding: "utf8" });
  assert.equal(status, 0, stderr);
  assert.match(stdout, /^right: \d+ answers/m);
  t.diagnostic(stdout.trim());
});
