import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { configKeys, configuredHome, loadConfig, parseConfig } from "./config.js";
import { resolveHome } from "./paths.js";
import type { Home } from "./paths.js";

let directory: string;
let projectRoot: string;
let home: Home;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "vrift-config-"));
  projectRoot = join(directory, "project");
  mkdirSync(join(projectRoot, ".vrift"), { recursive: true });
  home = resolveHome({ VRIFT_HOME: join(directory, "home") });
  mkdirSync(home.root);
});

afterEach(() => {
  rmSync(directory, { recursive: true });
});

test("built-in, home, project, environment, flags: the later one wins", async () => {
  const builtIn = await loadConfig({ home, projectRoot, env: {} });
  assert.deepEqual(builtIn, {
    source: join(home.root, "the_source"),
    default_workspace: undefined,
    log_bytes: 4 * 1024 * 1024,
    idle_seconds: 600,
    project_processes: 64,
    project_entries: 16 * 1024 * 1024,
    staging_bytes: 16 * 1024 * 1024 * 1024,
    sweep_grace_seconds: 3600,
    watch: true,
    commit: true,
    dehydrate: false,
    settle_seconds: 60,
  });
  writeFileSync(home.configFile, 'watch = false\nlog_bytes = 1000\nsource = "store"\n');
  assert.equal((await loadConfig({ home, projectRoot, env: {} })).watch, false);
  writeFileSync(join(projectRoot, ".vrift/config.toml"), "watch = true\n");
  const layered = await loadConfig({ home, projectRoot, env: {} });
  assert.equal(layered.watch, true);
  assert.equal(layered.log_bytes, 1000);
  assert.equal(layered.source, join(home.root, "store"), "relative to the file");
  assert.equal(configuredHome(home, layered).source, layered.source);
  assert.equal((await loadConfig({ home, env: {} })).watch, false);
  const env = { VRIFT_WATCH: "0", VR_THE_SOURCE: "/elsewhere", VRIFT_DEFAULT_WORKSPACE: "" };
  const fromEnvironment = await loadConfig({ home, projectRoot, env });
  assert.equal(fromEnvironment.watch, false);
  assert.equal(fromEnvironment.source, "/elsewhere");
  assert.equal(fromEnvironment.default_workspace, undefined);
  assert.equal((await loadConfig({ home, projectRoot, env, flags: { watch: true } })).watch, true);
  const atOnce = await loadConfig({ home, env: { VRIFT_SWEEP_GRACE_SECONDS: "0" } });
  assert.equal(atOnce.sweep_grace_seconds, 0);
});

test("what is wrong is named with file and line", async () => {
  const cases: [string, RegExp][] = [
    ["watch = true\nunknwon = 1\n", /^f\.toml:2: unknown key `unknwon`; known are source, /],
    ["\n# comment\n\nwatch = 1\n", /^f\.toml:4: `watch` must be true or false/],
    ["log_bytes = 0", /^f\.toml:1: `log_bytes` must be a whole number of at least 1/],
    ["sweep_grace_seconds = -1", /^f\.toml:1: `sweep_grace_seconds` must be a whole number of at least 0/],
    ["log_bytes = 1.5", /^f\.toml:1: /],
    ['source = ""', /^f\.toml:1: `source` must be a path/],
    ["watch = true\nwatch = \n", /^f\.toml:2: /],
    ["[table]\nx = 1\n", /^f\.toml:1: unknown key `table`/],
  ];
  for (const [text, message] of cases)
    await assert.rejects(parseConfig("f.toml", text, "home"), { code: "VRIFT_CONFIG", message }, text);
  const project = parseConfig("p.toml", '\nsource = "/x"\n', "project");
  await assert.rejects(project, {
    code: "VRIFT_CONFIG",
    message: /^p\.toml:2: `source` belongs into the home's/,
  });
  const bad = loadConfig({ home, env: { VRIFT_WATCH: "maybe" } });
  await assert.rejects(bad, { code: "VRIFT_CONFIG", message: /^VRIFT_WATCH must be true or false/ });
  mkdirSync(home.configFile);
  await assert.rejects(loadConfig({ home, env: {} }), { code: "VRIFT_CONFIG", message: /cannot be read/ });
});

test("every key says what it is", () => {
  for (const shape of Object.values(configKeys)) assert.match(shape.what, /^[A-Z].*built in: .*\.$/);
});
