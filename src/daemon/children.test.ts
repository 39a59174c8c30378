/** Spawn: what a program gets, what is refused, and that it is seen, reaped, counted, and outlives the daemon. */
import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { DaemonFixture, RawConnection, killed } from "../../test/daemon-fixture.js";
import { namesIn } from "../platform/files.js";
import { CHILDREN_MAX } from "../platform/limits.js";
import { silentLog } from "../platform/log.js";
import { childPaths, workspacePaths } from "../platform/paths.js";
import type { VeloResponse } from "../protocol/messages.js";
import { Children } from "./children.js";
import { processState } from "../platform/process-state.js";

const PATH = "/usr/bin:/bin";
let t: DaemonFixture;
const started: number[] = [];

before(() => {
  t = new DaemonFixture({ VRIFT_IDLE_SECONDS: "600", SECRET_OF_THE_DAEMON: "1" });
});

afterEach(() => {
  for (const pid of started.splice(0)) {
    try {
      process.kill(-pid, "SIGKILL");
    } catch {
      // It has ended.
    }
  }
});

after(() => t.close());

interface Wanted {
  readonly command: readonly string[];
  readonly env?: readonly (readonly [string, string])[];
  readonly cwd?: string;
}

async function spawned(
  raw: RawConnection,
  { command, env = [["PATH", PATH]], cwd = t.root }: Wanted,
): Promise<number> {
  const reply = await raw.call({
    type: "Spawn",
    command: [...command],
    env: env.map(([k, v]) => [k, v]),
    cwd,
  });
  assert.ok(reply?.type === "SpawnAck", JSON.stringify(reply));
  started.push(reply.pid);
  return reply.pid;
}

function codeOf(reply: VeloResponse | undefined): string {
  return reply?.type === "Error" ? reply.message.split(":")[0]! : (reply?.type ?? "closed");
}

async function refused(
  raw: RawConnection,
  { command, env = [["PATH", PATH]], cwd = t.root }: Wanted,
): Promise<string> {
  return codeOf(
    await raw.call({ type: "Spawn", command: [...command], env: env.map(([k, v]) => [k, v]), cwd }),
  );
}

async function gone(pid: number): Promise<void> {
  while (existsSync(`/proc/${pid}`)) await wait(5);
}

async function status(raw: RawConnection): Promise<string> {
  const reply = await raw.call({ type: "Status" });
  assert.ok(reply?.type === "StatusAck");
  return reply.status;
}

function logOf(pid: number): string {
  const { logs } = childPaths(t.home);
  const name = readdirSync(logs).find((one) => one.endsWith(`-${pid}.log`));
  assert.ok(name);
  return join(logs, name);
}

test("the request's environment and directory and nothing else, no shell, its own group, output in its log, reaped", async () => {
  await t.start();
  const raw = await t.raw();
  // What a shell would have expanded stays as it is.
  const script = 'pwd; env; ls -l /proc/self/fd; umask; cat /proc/self/stat; echo "$@" >&2; cat';
  const env = [["PATH", PATH], ["GIVEN", "old"], ["GIVEN", "a b"]] as const; // prettier-ignore
  const pid = await spawned(raw, { command: ["sh", "-c", script, "name", "$HOME; *"], env });
  await gone(pid);
  const lines = readFileSync(logOf(pid), "utf8").split("\n");
  assert.equal(lines[0], t.root);
  const end = lines.findIndex((line) => line.startsWith("total"));
  const variables = lines.slice(1, end).filter((line) => !/^(PWD|SHLVL|_|OLDPWD)=/.test(line)); // the shell's own
  assert.deepEqual(variables.sort(), ["GIVEN=a b", `PATH=${PATH}`]);
  const descriptors = lines.filter((line) => line.includes(" -> ")).map((line) => line.split(" -> ")[1]!);
  // 3 is that of the directory which ls reads.
  assert.equal(descriptors.length, 4, descriptors.join(" "));
  assert.equal(descriptors[0], "/dev/null");
  assert.equal(lines.filter((line) => line === "0022").length, 1);
  const stat = lines.find((line) => line.includes("(cat)"))!.split(" ");
  assert.deepEqual([stat[4], stat[5]], [String(pid), String(pid)], "group and session are the child's");
  assert.ok(lines.includes("$HOME; *"));
  assert.equal(statSync(logOf(pid)).mode & 0o7777, 0o600);
  assert.equal(statSync(childPaths(t.home).logs).mode & 0o7777, 0o700);
  // It is reaped before the daemon hears of it.
  while (namesIn(childPaths(t.home).records).length > 0) await wait(5);
});

test("what is refused, and that nothing of it stays", async () => {
  const raw = await t.raw();
  const file = (name: string, text: string, mode: number): string => {
    const path = join(t.directory, name);
    writeFileSync(path, text);
    chmodSync(path, mode);
    return path;
  };
  const noHeader = file("no-header", "echo hello\n", 0o755);
  const before = readdirSync(childPaths(t.home).logs).length;
  const cases: readonly (readonly [Wanted, string])[] = [
    [{ command: [] }, "EINVAL"],
    [{ command: [""] }, "EINVAL"],
    [{ command: ["true"], env: [] }, "EINVAL"],
    [{ command: ["./no-header"], cwd: t.directory, env: [] }, "EINVAL"],
    [{ command: ["true"], env: [["PATH", "relative:."]] }, "ENOENT"],
    [{ command: ["no-such-program"] }, "ENOENT"],
    [{ command: ["/no/such/program"] }, "ENOENT"],
    [{ command: [t.directory] }, "EACCES"],
    [{ command: [file("not-executable", "#!/bin/sh\n", 0o644)] }, "EACCES"],
    [{ command: [noHeader] }, "ENOEXEC"],
    [{ command: ["./no-header"], cwd: t.directory }, "ENOEXEC"],
    [{ command: [file("bad-interpreter", "#!/no/such/interpreter\n", 0o755)] }, "ENOENT"],
    [{ command: ["true"], cwd: "relative" }, "EINVAL"],
    [{ command: ["true"], cwd: "" }, "EINVAL"],
    [{ command: ["true"], cwd: join(t.directory, "absent") }, "ENOENT"],
    [{ command: ["true"], cwd: noHeader }, "ENOTDIR"],
    [{ command: ["tr\0ue"] }, "EINVAL"],
    [{ command: ["true", "a\0b"] }, "EINVAL"],
    [{ command: ["/bin/true"], env: [["A=B", "c"]] }, "EINVAL"],
    [{ command: ["/bin/true"], env: [["", "c"]] }, "EINVAL"],
    [{ command: ["/bin/true"], env: [["A", "c\0"]] }, "EINVAL"],
    [{ command: ["/bin/true", "x".repeat(3_000_000)] }, "E2BIG"],
  ];
  for (const [wanted, code] of cases)
    assert.equal(await refused(raw, wanted), code, JSON.stringify(wanted).slice(0, 200));
  assert.equal(readdirSync(childPaths(t.home).logs).length, before);
});

test("another user, root too, is refused", async () => {
  const children = new Children(t.home, silentLog);
  const request = { command: ["/bin/true"], env: [], cwd: "/" };
  for (const uid of [process.getuid!() + 1, process.getuid!() === 0 ? 65534 : 0])
    await assert.rejects(children.spawn(request, uid), { code: "EPERM" });
});

test("Status shows what runs, of vriftd and of the project's process; so many and no more", async () => {
  const raw = await t.raw();
  const pid = await spawned(raw, { command: ["sleep", "600\nready"] });
  await gone(pid);
  const sleeping = await spawned(raw, { command: ["sleep", "600", "0"], cwd: "/" });
  const told = new RegExp(
    `^child ${sleeping} up \\d+ s in "/": "sleep" "600" "0" > .*-${sleeping}\\.log$`,
    "m",
  );
  assert.match(await status(raw), told);
  const client = t.client();
  const id = await client.register(t.root);
  const { connect } = await import("../client/client.js");
  const direct = connect({ socketPath: workspacePaths(t.home, id).socket });
  assert.match(await direct.status(), told);
  const other = await direct.spawn(["sleep", "600"], { PATH }, t.root);
  started.push(other);
  assert.match(await status(raw), new RegExp(`^child ${other} `, "m"));
  direct.close();
  for (let i = 2; i < CHILDREN_MAX; i++) await spawned(raw, { command: ["/bin/sleep", "600"] });
  assert.equal(await refused(raw, { command: ["/bin/sleep", "600"] }), "EAGAIN");
  process.kill(sleeping, "SIGTERM");
  await gone(sleeping);
  await spawned(raw, { command: ["/bin/sleep", "600"] });
});

test("they outlive a hand-over, a stop and a kill -9 of the daemon, hold nothing of it, and the next one knows them", async () => {
  let raw = await t.raw();
  const control = await t.control();
  // Spawned by a successor, which has inherited descriptors.
  await control.call("restart", {});
  raw = await t.raw();
  const pid = await spawned(raw, { command: ["sleep", "600"] });
  assert.deepEqual(readdirSync(`/proc/${pid}/fd`).sort(), ["0", "1", "2"]);
  await (await t.control()).call("restart", {});
  raw = await t.raw();
  assert.match(await status(raw), new RegExp(`^child ${pid} `, "m"));
  await (await t.control()).call("stop", {});
  while ((await raw.reply()) !== undefined);
  const daemon = await t.start();
  raw = await t.raw();
  assert.match(await status(raw), new RegExp(`^child ${pid} `, "m"));
  await killed(daemon);
  await t.start();
  raw = await t.raw();
  assert.match(await status(raw), new RegExp(`^child ${pid} `, "m"));
  assert.equal(processState(pid)?.name, "sleep");
  process.kill(pid, "SIGKILL");
  // Whoever is init here may not have reaped it.
  while (processState(pid) !== undefined) await wait(5);
  assert.doesNotMatch(await status(raw), /^child /m);
});

test("a record of another process that has the number by now is none", async () => {
  const { records } = childPaths(t.home);
  mkdirSync(records, { recursive: true });
  const stale = { pid: process.pid, command: ["x"], cwd: "/", log: "/l", startedMs: 1, startTime: "1" };
  writeFileSync(join(records, String(process.pid)), JSON.stringify(stale));
  writeFileSync(join(records, "4194303"), "half a rec");
  assert.deepEqual(new Children(t.home, silentLog).list(), []);
  assert.deepEqual(readdirSync(records), []);
});
