import assert from "node:assert/strict";
import { test } from "node:test";
import { buildId, packageVersion } from "./build.js";

test("a build that was set up has an id; the package has a version", () => {
  assert.match(buildId(), /^[0-9a-f]{16}$/);
  assert.match(packageVersion(), /^\d+\.\d+\.\d+/);
});
