import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { TestHome } from "./vrift-process.js";

const home = new TestHome();
after(() => home.remove());

/** A `node` that says it is there and then never answers: the prepare step for as long as a test needs. */
const slowNode = `
  export VRIFT_HOME=$PWD/no-daemon
  mkdir -p slow; printf '#!/bin/sh\\necho $$ > preparing\\nexec sleep 60\\n' > slow/node; chmod +x slow/node
  rm -f preparing; waitPreparing() { until [ -s preparing ]; do sleep 0.02; done; }
  preparing() { grep -qs "State:.[RSD]" "/proc/$(cat preparing)/status"; }`;

describe("signals", () => {
  test("reach the command itself: it is the process that was started", async () => {
    for (const signal of ["INT", "TERM", "USR1"]) {
      const { stdout } = await home.bash(`
        rm -f ready; set -m
        "$VRIFT" run -- sh -c 'trap "echo got ${signal}; exit 4" ${signal}; touch ready; while :; do sleep 0.02; done' &
        until [ -e ready ]; do sleep 0.02; done
        kill -${signal} $!; wait $!; echo $?`);
      assert.equal(stdout, `got ${signal}\n4\n`);
    }
  });

  test("without a handler the exit is by that signal", async () => {
    const { stdout } = await home.bash(`
      set -m; rm -f ready
      "$VRIFT" run -- sh -c 'touch ready; exec sleep 60' &
      until [ -e ready ]; do sleep 0.02; done
      kill -INT $!; wait $!; echo $?`);
    assert.equal(stdout, "130\n");
  });

  test("while preparing, one to the group ends both", async () => {
    const { stdout } = await home.bash(`${slowNode}
      set -m
      PATH=$PWD/slow:$PATH "$VRIFT" run -- touch never &
      waitPreparing
      kill -INT -- -$!; wait $!; echo $?
      sleep 0.1; preparing || echo prepare ended
      ls never 2>/dev/null`);
    assert.equal(stdout, "130\nprepare ended\n");
  });

  test("while preparing, one to the launcher alone ends both", async () => {
    const { stdout } = await home.bash(`${slowNode}
      PATH=$PWD/slow:$PATH "$VRIFT" run -- touch never &
      waitPreparing
      kill -TERM $!; wait $!; echo $?
      sleep 0.2; preparing || echo prepare ended
      ls never 2>/dev/null`);
    assert.equal(stdout, "143\nprepare ended\n");
  });

  test("one that the caller ignores does not end the run", async () => {
    const { stdout } = await home.bash(`${slowNode}
      set -m
      (trap '' INT; PATH=$PWD/slow:$PATH exec "$VRIFT" run -- echo ran) 2>/dev/null &
      waitPreparing
      kill -INT $!; sleep 0.1; kill -INT $(cat preparing)
      sleep 0.1; kill -KILL $(cat preparing); wait $!; echo $?`);
    assert.equal(stdout, "ran\n0\n");
  });

  test("a prepare step that dies leaves the command running without vrift", async () => {
    const { stdout, stderr } = await home.bash(`
      export VRIFT_HOME=$PWD/no-daemon
      mkdir -p dying; printf '#!/bin/sh\\nkill -SEGV $$\\n' > dying/node; chmod +x dying/node
      PATH=$PWD/dying:$PATH "$VRIFT" run -- sh -c 'echo ran; exit 6'; echo $?`);
    assert.equal(stdout, "ran\n6\n");
    assert.match(stderr, /VRIFT_NO_DAEMON: .* sh runs without vrift/);
  });
});
