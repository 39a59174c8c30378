import assert from "node:assert/strict";
import { after, test } from "node:test";
import { TestHome } from "./vrift-process.js";

const home = new TestHome();
after(() => home.remove());

test("the command gets its arguments byte for byte", async () => {
  const args = [
    "",
    "two words",
    "new\nline",
    "übergrößen ✓",
    "*",
    "$HOME",
    "--",
    "--root",
    "-h",
    "--help",
    "a=b",
    "\\",
    "'\"",
  ];
  const { stdout } = await home.vrift(["run", "--", "sh", "-c", 'printf "%s\\0" "$@"', "sh", ...args]);
  assert.deepEqual(stdout.split("\0").slice(0, -1), args);
});

test("options after the command are the command's, with and without --", async () => {
  for (const dashes of [[], ["--"]]) {
    const { stdout } = await home.vrift([
      "run",
      "--root",
      home.work,
      ...dashes,
      "echo",
      "--root",
      "x",
      "--hydrate",
      "--help",
    ]);
    assert.equal(stdout, "--root x --hydrate --help\n");
  }
});

test("bytes that are not UTF-8 arrive as they are", async () => {
  const script = `"$VRIFT" run -- sh -c 'printf "%s|" "$0" "$@"' "$(printf 'a\\377b')" "$(printf '\\303')" | od -An -tx1`;
  const { stdout } = await home.bash(script);
  assert.equal(stdout.replaceAll(/\s+/g, " ").trim(), "61 ff 62 7c c3 7c");
});

test("the environment arrives byte for byte", async () => {
  const script = `ODD=$(printf 'a\\377b') "$VRIFT" run -- sh -c 'printf "%s" "$ODD"' | od -An -tx1`;
  assert.equal((await home.bash(script)).stdout.trim(), "61 ff 62");
});

test("a very long command line passes", async () => {
  const long = "x".repeat(100_000);
  const { stdout } = await home.vrift(["run", "--", "sh", "-c", 'echo "${#1}"', "sh", long]);
  assert.equal(stdout, "100000\n");
});
