/** Where a client of a project finds it: its own socket, vriftd, or a process that it starts. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { DaemonFixture } from "../../test/daemon-fixture.js";
import { scriptedServer } from "../../test/scripted-server.js";
import type { ScriptedServer } from "../../test/scripted-server.js";
import { resolveHome, workspacePaths } from "../platform/paths.js";
import { solidId } from "../platform/workspace-id.js";
import type { VeloRequest, VeloResponse } from "../protocol/messages.js";
import { connectProject } from "./connect-project.js";
import type { ProjectOptions } from "./connect-project.js";
import type { VriftClient } from "./client.js";

let directory: string;
let root: string;
let own: string;
let daemon: string;
const open: { close(): unknown }[] = [];

beforeEach(() => {
  directory = realpathSync(mkdtempSync(join(tmpdir(), "vrift-project-")));
  root = join(directory, "project");
  mkdirSync(root);
  const home = resolveHome({ VRIFT_HOME: join(directory, "home") });
  own = workspacePaths(home, solidId(root)).socket;
  daemon = home.daemonSocket;
});

afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
  rmSync(directory, { recursive: true, force: true });
});

function client(options: ProjectOptions = {}): VriftClient {
  const made = connectProject(root, {
    env: { VRIFT_HOME: join(directory, "home") },
    startProject: false,
    ...options,
  });
  open.push(made);
  return made;
}

async function serve(
  path: string,
  register?: (message: VeloRequest) => VeloResponse,
): Promise<ScriptedServer> {
  const server = await scriptedServer((message) => {
    if (message.type === "RegisterWorkspace") return register?.(message);
    return message.type === "Status" || message.type === "ManifestListDir"
      ? { type: "ManifestListAck", entries: [{ name: path, is_dir: true }] }
      : undefined;
  }, path);
  open.push(server);
  return server;
}

const types = (server: ScriptedServer): string[] => server.got.map(({ message }) => message.type);
const whoAnswers = async (one: VriftClient): Promise<string | undefined> => (await one.list(""))[0]?.name;

test("the project's own socket, bound from the start", async () => {
  const server = await serve(own);
  const one = client();
  assert.equal(await whoAnswers(one), own);
  server.drop();
  assert.equal(await whoAnswers(one), own);
  assert.deepEqual(types(server), ["Handshake", "ManifestListDir", "Handshake", "ManifestListDir"]);
});

test("vriftd opens it: by the id that it says, and the client goes there", async () => {
  const other = workspacePaths(resolveHome({ VRIFT_HOME: join(directory, "home") }), "b2".repeat(16)).socket;
  const project = await serve(other);
  const server = await serve(daemon, () => ({ type: "RegisterAck", workspace_id: "b2".repeat(16) }));
  assert.equal(await whoAnswers(client()), other);
  assert.deepEqual(server.got.map(({ message }) => message), [
    { type: "Handshake", client_version: "0.1.0" },
    { type: "RegisterWorkspace", project_root: root },
  ]); // prettier-ignore
  assert.deepEqual(types(project), ["Handshake", "ManifestListDir"]);
});

test("where vriftd serves the project itself, the client stays with it, bound", async () => {
  const server = await serve(daemon);
  const one = client();
  assert.equal(await whoAnswers(one), daemon);
  assert.equal(await whoAnswers(one), daemon);
  assert.deepEqual(types(server), ["Handshake", "RegisterWorkspace", "ManifestListDir", "ManifestListDir"]);
  server.drop();
  assert.equal(await whoAnswers(one), daemon);
});

test("what vriftd says of the directory is the error", async () => {
  await serve(daemon, () => ({ type: "Error", message: "EACCES: it belongs to somebody else" }));
  await assert.rejects(client().list(""), { code: "EACCES", message: "it belongs to somebody else" });
  rmSync(root, { recursive: true });
  await assert.rejects(client().list(""), { code: "ENOENT" });
});

test("without either it is started; what that says is the error; without a starter it is ECONNREFUSED at once", async () => {
  await assert.rejects(client().list(""), { code: "ECONNREFUSED" });
  const calls: unknown[] = [];
  const started = client({
    startProject: async (...args) => {
      calls.push(args);
      await serve(own);
    },
  });
  assert.equal(await whoAnswers(started), own);
  assert.deepEqual(calls, [[root, solidId(root)]]);
});

test("a start that fails, and one that does not end", async () => {
  const failing = client({ startProject: () => Promise.reject(new Error("no memory")) });
  await assert.rejects(failing.list(""), { message: "no memory" });
  const endless = client({ startProject: () => new Promise(() => undefined) });
  await assert.rejects(endless.list("", { timeoutMs: 20 }), { code: "ETIMEDOUT" });
  const controller = new AbortController();
  const stopped = client({ startProject: () => new Promise(() => undefined), signal: controller.signal });
  const list = stopped.list("");
  setTimeout(() => controller.abort(new Error("enough")), 20);
  await assert.rejects(list, { message: "enough" });
});

test("a project's process that goes is found again through vriftd, while its reads wait", async () => {
  const first = await serve(own);
  const one = client();
  assert.equal(await whoAnswers(one), own);
  await first.close();
  open.splice(open.indexOf(first), 1);
  const list = whoAnswers(one);
  await new Promise((resolve) => setTimeout(resolve, 30));
  await serve(daemon);
  assert.equal(await list, daemon);
});

test("with a real daemon", async () => {
  const t = new DaemonFixture();
  try {
    await t.start();
    mkdirSync(join(t.root, "src"));
    const one = connectProject(t.root, { env: t.env });
    open.push(one);
    assert.deepEqual(await one.list(""), [{ name: "src", is_dir: true }]);
    assert.equal((await one.get("src"))?.flags, 1);
  } finally {
    await t.close();
  }
});
