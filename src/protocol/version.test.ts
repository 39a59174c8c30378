import assert from "node:assert/strict";
import { test } from "node:test";
import { PROTOCOL_VERSION, checkVersion } from "./version.js";
import { parseWireError } from "./wire-error.js";

test("versions agree when their major numbers do", () => {
  for (const theirs of [PROTOCOL_VERSION, "0.1.0", "0.9.7-beta", "0"]) checkVersion(theirs);
  for (const theirs of ["1.0.0", "", "v0.1.0", "00x", "10.0.0"]) {
    assert.throws(() => checkVersion(theirs), {
      code: "EPROTO",
      message: new RegExp(`ours is ${PROTOCOL_VERSION}, theirs ${theirs}`),
    });
  }
});

test("error texts come back as errors with their code", () => {
  const error = parseWireError("ENOENT: no src/a: not here\nsecond line");
  assert.equal(error.code, "ENOENT");
  assert.equal(error.message, "no src/a: not here\nsecond line");
  assert.equal(error.toWire(), "ENOENT: no src/a: not here\nsecond line");
  for (const text of ["something else", "ENOTACODE: x", "toString: x", ""]) {
    assert.equal(parseWireError(text).code, "EIO");
    assert.equal(parseWireError(text).message, text);
  }
});
