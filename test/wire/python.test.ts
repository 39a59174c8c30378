/** A client in Python, written from the specification alone, against our codec, the vectors and a real daemon. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { text } from "node:stream/consumers";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { decodeLine } from "../../src/protocol/decode-lines.js";
import { randomMessage, seededRandom } from "../random-message.js";
import { encodeMessage } from "../../src/protocol/encode.js";
import { messageFromJson } from "../../src/protocol/from-json.js";
import { requests } from "../../src/protocol/schema.js";
import type { MessageKind } from "../../src/protocol/schema.js";
import { messageToJson } from "../../src/protocol/serde-json.js";
import type { VeloResponse } from "../../src/protocol/messages.js";
import { DaemonFixture } from "../daemon-fixture.js";
import { conversation } from "./conversation.js";
import { examples } from "./document-examples.js";
import { vectors } from "./vectors.js";

const script = fileURLToPath(new URL("../../../test/python/vrift_client.py", import.meta.url));
const hasPython = spawnSync("python3", ["--version"]).status === 0;
const skip = hasPython ? false : "python3 is not installed";

async function python(args: readonly string[], input: readonly string[]): Promise<unknown[]> {
  const child = spawn("python3", [script, ...args], { stdio: ["pipe", "pipe", "inherit"] });
  child.stdin.on("error", () => undefined);
  child.stdin.end(input.map((line) => `${line}\n`).join(""));
  const output = await text(child.stdout);
  return output.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line) as unknown); // prettier-ignore
}

/** Same verdict, same message, same bytes again; the text of an error is each one's own. */
async function agree(kind: MessageKind, lines: readonly string[]): Promise<void> {
  const answers = (await python(["decode", kind], lines)) as Record<string, unknown>[];
  assert.equal(answers.length, lines.length);
  for (const [i, line] of lines.entries()) {
    const ours = JSON.parse(decodeLine(kind, line)) as Record<string, unknown>;
    if (answers[i]!["ok"] === true) assert.deepEqual(answers[i], ours, line);
    else assert.equal(ours["ok"], false, `${line}: ${JSON.stringify(answers[i])}`);
  }
}

describe("a client in Python written from the specification", { skip }, () => {
  for (const kind of ["request", "response"] as const) {
    test(`the page's ${kind}s`, async () => {
      const shown = examples.filter(({ language }) => language.startsWith(kind));
      assert.ok(shown.length >= 13);
      await agree(kind, shown.map(({ hex }) => hex)); // prettier-ignore
    });

    test(`every vector of a ${kind}`, async () => {
      const chosen = vectors.filter((vector) => vector.kind === kind);
      const lines = chosen.map(({ hex }) => hex);
      const answers = (await python(["decode", kind], lines)) as Record<string, unknown>[];
      for (const [i, { hex, ok, again }] of chosen.entries()) {
        assert.equal(answers[i]!["ok"], ok, hex);
        assert.equal(answers[i]!["again"], again, hex);
      }
      await agree(kind, lines);
    });

    test(`random ${kind}s, whole, cut and with a bit flipped`, async () => {
      const seed = Number(process.env["VRIFT_TEST_SEED"] ?? Date.now() % 2 ** 31);
      const random = seededRandom(seed);
      const lines: string[] = [];
      for (let i = 0; i < 500; i++) {
        const bytes = encodeMessage(kind, randomMessage(kind, random));
        const flipped = Buffer.from(bytes);
        const bit = Math.floor(random() * bytes.length * 8);
        flipped[bit >> 3]! ^= 1 << (bit & 7);
        const cut = bytes.subarray(0, Math.floor(random() * bytes.length));
        for (const one of [bytes, flipped, cut]) lines.push(one.toString("hex"));
      }
      await agree(kind, lines).catch((error: unknown) => assert.fail(`seed ${seed}: ${String(error)}`));
    });
  }

  let t: DaemonFixture;
  before(async () => {
    t = new DaemonFixture();
    await t.start();
  });
  after(() => t.close());

  test("all 17 requests to a real daemon, sent before a reply is read", async () => {
    const turns = await conversation(t, "python");
    assert.deepEqual(new Set(turns.map(({ request }) => request.type)), new Set(Object.keys(requests)));
    const lines = turns.map(({ request }) => JSON.stringify(messageToJson("request", request)));
    const replies = await python(["talk", t.home.daemonSocket], lines);
    assert.equal(replies.length, turns.length);
    for (const [i, { check }] of turns.entries())
      check(messageFromJson("response", replies[i]) as VeloResponse);
  });
});
