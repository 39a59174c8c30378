/** The daemon goes away at any request, before or after it has done what was asked: the command fails, nothing is lost. */
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { VriftError } from "../../src/platform/errors.js";
import type { WorkspaceAccess } from "../../src/tree/access.js";
import { clone } from "../../src/tree/clone.js";
import type { TreeContext } from "../../src/tree/context.js";
import { phantom } from "../../src/tree/phantom.js";
import { isPhantomRoot } from "../../src/tree/refusal.js";
import { solid } from "../../src/tree/solid.js";
import { type Fixture, listing, makeFixture, removeTree } from "./fixture.js";
import { makeOddTree } from "./odd-tree.js";

/** Loses the connection at the n-th request; `after`: the daemon had done it. */
function losing(context: TreeContext, n: number, after: boolean): TreeContext {
  let requests = 0;
  const access = new Proxy(context.access, {
    get: (target, name: keyof WorkspaceAccess) => {
      return async (...request: never[]): Promise<unknown> => {
        const lost = ++requests === n;
        const answer =
          lost && !after
            ? undefined
            : await (target[name] as (...values: never[]) => Promise<unknown>)(...request);
        if (lost) throw new VriftError("ECONNRESET", "the daemon closed the connection");
        return answer;
      };
    },
  });
  return { ...context, access };
}

/** Without the root itself: its mtime is lost when the connection is, while `.vrift/` is made or removed. */
function below(lines: readonly string[]): string[] {
  return lines.filter((line) => !line.startsWith(" "));
}

async function start(t: TestContext): Promise<Fixture & { root: string; original: string[] }> {
  const fixture = await makeFixture(t, "local");
  const root = join(fixture.directory, "tree");
  mkdirSync(root);
  makeOddTree(root);
  return { ...fixture, root, original: listing(root) };
}

/** Runs `command` with the connection lost at request 1, 2, … until one gets through. */
async function atEachRequest(
  command: (context: TreeContext) => Promise<unknown>,
  context: TreeContext,
  check: (what: string) => Promise<void>,
): Promise<number> {
  for (let n = 1; ; n++) {
    for (const after of [false, true]) {
      const what = `lost at request ${n}, ${after ? "done" : "not done"}`;
      try {
        await command(losing(context, n, after));
      } catch (error) {
        assert.ok(error instanceof VriftError && error.code === "ECONNRESET", `${what}: ${String(error)}`);
        await check(what);
        continue;
      }
      await check(what);
      return n - 1;
    }
  }
}

test("phantom without its daemon", async (t) => {
  const { context, root, original } = await start(t);
  const check = async (what: string): Promise<void> => {
    if (isPhantomRoot(root)) await solid(root, context);
    assert.deepEqual(below(listing(root)), below(original), what);
  };
  const requests = await atEachRequest((lossy) => phantom(root, lossy, { yes: true }), context, check);
  assert.ok(requests >= 4);
});

test("solid without its daemon", async (t) => {
  const { context, root, original } = await start(t);
  await phantom(root, context, { yes: true });
  const check = async (what: string): Promise<void> => {
    if (isPhantomRoot(root)) await solid(root, context);
    assert.deepEqual(below(listing(root)), below(original), what);
    await phantom(root, context, { yes: true });
  };
  assert.ok((await atEachRequest((lossy) => solid(root, lossy), context, check)) >= 4);
});

test("clone without its daemon", async (t) => {
  const { context, directory, root, original } = await start(t);
  await phantom(root, context, { yes: true });
  const dst = join(directory, "dst");
  const check = async (what: string): Promise<void> => {
    await clone(root, dst, context).catch(unlessThere);
    await solid(dst, context);
    assert.deepEqual(listing(dst), original, what);
    removeTree(dst);
  };
  assert.ok((await atEachRequest((lossy) => clone(root, dst, lossy), context, check)) >= 4);
});

/** The one that got through is complete. */
function unlessThere(error: unknown): void {
  assert.match(String(error), /is not empty/);
}
