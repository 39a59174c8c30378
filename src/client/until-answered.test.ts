import assert from "node:assert/strict";
import { test } from "node:test";
import { VriftError } from "../platform/errors.js";
import { untilAnswered } from "./until-answered.js";

test("asks again while the daemon it meets is about to end, and only then", async () => {
  let asked = 0;
  const ending = async (): Promise<number> => {
    if (++asked < 3) throw new VriftError("ECONNRESET", "the daemon closed the connection");
    return asked;
  };
  assert.equal(await untilAnswered(ending), 3);
  const refused = untilAnswered(() => Promise.reject(new VriftError("EACCES", "not yours")));
  await assert.rejects(refused, { code: "EACCES" });
});
