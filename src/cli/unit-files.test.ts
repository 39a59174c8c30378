import assert from "node:assert/strict";
import { test } from "node:test";
import { resolveHome } from "../platform/paths.js";
import { serviceUnit, socketUnit, unitOf } from "./unit-files.js";

const facts = (root: string) => ({
  home: resolveHome({ VRIFT_HOME: root }),
  command: ["/opt/no%de $1/node", '/a "b"/$main\\.js'],
  variables: { VRIFT_HOME: root },
});

test("what systemd would read as its own is escaped", () => {
  const service = serviceUnit(facts("/home/50%/a b"));
  assert.ok(service.includes('\nEnvironment="VRIFT_HOME=/home/50%%/a b"\n'), service);
  assert.ok(service.includes('\nExecStart="/opt/no%%de $1/node" "/a \\"b\\"/$$main\\\\.js"\n'), service);
  assert.ok(
    socketUnit(facts("/home/50%/a b")).includes("\nListenStream=/home/50%%/a b/sockets/control.sock\n"),
  );
  assert.throws(() => socketUnit(facts("/home/a\nb")), { code: "EINVAL" });
  assert.throws(() => socketUnit(facts("/home/a\\b")), { code: "EINVAL" });
});

test("a unit knows whether it was changed, of which home it is, and what was made for it", () => {
  const service = serviceUnit({ ...facts("/h"), made: "/home/u/.config/systemd" });
  assert.deepEqual(unitOf(service), { home: "/h", made: "/home/u/.config/systemd" });
  assert.deepEqual(unitOf(socketUnit(facts("/h"))), { home: "/h", made: undefined });
  assert.equal(unitOf(service.replace("yes", "no")), undefined);
  assert.equal(unitOf(`${service}\n`), undefined);
  assert.equal(unitOf(""), undefined);
});
