/** What Node says of a system call is never shown as it is. */
import assert from "node:assert/strict";
import { lstatSync, openSync, readFileSync, renameSync, rmdirSync } from "node:fs";
import { createServer, connect } from "node:net";
import { once } from "node:events";
import { test } from "node:test";
import { describeFailure } from "../cli/failure.js";
import { VriftError, toVriftError } from "./errors.js";
import { native } from "./native.js";

function thrownBy(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

test("an error of a system call becomes a sentence that names its operands", async () => {
  const said = (call: () => unknown): string => toVriftError(thrownBy(call)).toWire();
  assert.equal(
    said(() => renameSync("/nowhere/a", "/nowhere/b")),
    "ENOENT: /nowhere/a to /nowhere/b: no such file or directory",
  );
  assert.equal(said(() => lstatSync("/nowhere")), "ENOENT: /nowhere: no such file or directory"); // prettier-ignore
  assert.equal(said(() => rmdirSync("/dev/null/x")), "ENOTDIR: /dev/null/x: not a directory"); // prettier-ignore
  const fd = openSync("/", "r");
  assert.equal(said(() => readFileSync(fd)), "EISDIR: read: illegal operation on a directory"); // prettier-ignore
  // The addon's are of the same form.
  assert.match(said(() => native.flock(-1, 2)), /^EIO: flock: bad file descriptor \(EBADF\)$/); // prettier-ignore
  const server = createServer().listen(0);
  await once(server, "listening");
  server.close();
  const socket = connect({ path: "/nowhere/socket" });
  const [error] = (await once(socket, "error")) as [Error];
  assert.equal(toVriftError(error).toWire(), "ENOENT: /nowhere/socket: no such file or directory");
});

test("on the terminal, too, also as the cause of another", () => {
  const cause = thrownBy(() => renameSync("/nowhere/a", "/nowhere/b"));
  assert.match(
    describeFailure(cause).text,
    /^vrift: ENOENT: \/nowhere\/a to \/nowhere\/b: no such file or directory\n/,
  );
  const wrapped = new VriftError("EIO", "the manifest cannot be committed", { cause });
  assert.match(
    describeFailure(wrapped).text,
    /^vrift: EIO: the manifest cannot be committed \(\/nowhere\/a to \/nowhere\/b: no such file or directory\)\n/,
  );
  assert.doesNotMatch(describeFailure(wrapped).text, /rename '/);
});

test("what is no system call keeps its words", () => {
  assert.equal(toVriftError(new Error("odd")).toWire(), "EIO: odd");
  assert.equal(toVriftError("text", "EBADMSG").toWire(), "EBADMSG: text");
  const known = new VriftError("EBUSY", "in use");
  assert.equal(toVriftError(known), known);
});
