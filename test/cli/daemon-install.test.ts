import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { TestHome } from "./vrift-process.js";
import type { Finished } from "./vrift-process.js";

let home: TestHome;
let config: string;
let calls: string;

/** A systemctl of our own: nobody's real one hears of this. It writes down what it is asked; `answer` is how it ends. */
function systemctl(answer: string): void {
  const directory = join(home.directory, "bin");
  mkdirSync(directory, { recursive: true });
  const program = join(directory, "systemctl");
  writeFileSync(program, `#!/bin/sh\necho "$*" >> '${calls}'\n${answer}\n`);
  chmodSync(program, 0o755);
}

beforeEach(() => {
  home = new TestHome();
  config = join(home.directory, "config with spaces");
  calls = join(home.directory, "calls");
  systemctl("exit 0");
});
afterEach(() => home.remove());

function vrift(...args: string[]): Promise<Finished> {
  const { PATH = "" } = home.env;
  return home.vrift(["daemon", ...args], {
    env: { XDG_CONFIG_HOME: config, PATH: `${join(home.directory, "bin")}:${PATH}` },
  });
}

const unit = (name: string): string => join(config, "systemd/user", name);
const asked = (): string => (existsSync(calls) ? readFileSync(calls, "utf8") : "");

test("install writes both units and has systemd listen; again, nothing changes; uninstall leaves nothing", async () => {
  const first = await vrift("install");
  assert.deepEqual([first.code, first.stderr], [0, ""]);
  assert.match(first.stdout, /^Wrote .*vriftd.socket and .*vriftd.service\nsystemd listens/);
  assert.equal(asked(), "--user daemon-reload\n--user enable --now vriftd.socket\n");
  const socket = readFileSync(unit("vriftd.socket"), "utf8");
  const sockets = join(home.home, ".vrift/sockets");
  assert.ok(
    socket.includes(`\nListenStream=${sockets}/vriftd.sock\nListenStream=${sockets}/control.sock\n`),
    socket,
  );
  const service = readFileSync(unit("vriftd.service"), "utf8");
  assert.ok(service.includes(`\nEnvironment="VRIFT_HOME=${home.home}/.vrift"\n`), service);
  assert.match(service, /\nExecStart="\/.*node" .*dist\/src\/daemon\/main.js" "--foreground"\n/);

  assert.match((await vrift("install")).stdout, /^Unchanged: /);
  assert.equal(readFileSync(unit("vriftd.service"), "utf8"), service);

  writeFileSync(calls, "");
  const last = await vrift("uninstall");
  assert.deepEqual([last.code, last.stderr], [0, ""]);
  assert.equal(
    asked(),
    "--user disable --now vriftd.socket\n--user stop vriftd.service\n--user daemon-reload\n",
  );
  assert.equal(existsSync(config), false);
  assert.equal((await vrift("uninstall")).stdout, "No units are installed.\n");
});

test("directories that were there stay, and so does what somebody else has in them", async () => {
  mkdirSync(join(config, "systemd"), { recursive: true });
  await vrift("install");
  writeFileSync(unit("other.service"), "");
  await vrift("uninstall");
  assert.deepEqual(readdirSync(join(config, "systemd/user")), ["other.service"]);
});

test("a unit that was changed, or is of another home, is left alone", async () => {
  await vrift("install");
  const changed = `${readFileSync(unit("vriftd.service"), "utf8")}# mine\n`;
  writeFileSync(unit("vriftd.service"), changed);
  for (const action of ["install", "uninstall"]) {
    const { code, stderr } = await vrift(action);
    assert.equal(code, 1);
    assert.match(stderr, /^vrift: EEXIST: .*vriftd.service was changed/);
  }
  assert.equal(readFileSync(unit("vriftd.service"), "utf8"), changed);
  assert.ok(existsSync(unit("vriftd.socket")));

  writeFileSync(unit("vriftd.service"), changed.slice(0, -"# mine\n".length));
  const { PATH = "" } = home.env;
  const other = await home.vrift(["daemon", "install"], {
    env: { XDG_CONFIG_HOME: config, VRIFT_HOME: join(home.directory, "another"), PATH },
  });
  assert.match(other.stderr, /^vrift: EEXIST: .*vriftd.socket is of the home .*\/\.vrift, /);
});

test("without a user instance of systemd it says so, and uninstall takes back what enabling made", async () => {
  systemctl("echo 'Failed to connect to bus: No medium found' >&2; exit 1");
  const { code, stdout } = await vrift("install");
  assert.equal(code, 0);
  assert.match(
    stdout,
    /\nNo user instance of systemd takes them: Failed to connect to bus: No medium found\.\n/,
  );
  assert.match(
    stdout,
    /\n {2}systemctl --user daemon-reload && systemctl --user enable --now vriftd.socket\n/,
  );
  mkdirSync(unit("sockets.target.wants"));
  symlinkSync(unit("vriftd.socket"), unit("sockets.target.wants/vriftd.socket"));
  assert.match((await vrift("uninstall")).stdout, /systemd was not told: Failed to connect to bus/);
  assert.equal(existsSync(config), false);
});
