/**
 * The client in C, made from the generated header, with the sanitizers: the page, the vectors, a real daemon. And the same
 * conversation through our own codec.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { after, before, test } from "node:test";
import { decodeLine } from "../../src/protocol/decode-lines.js";
import { encodeMessage, encodeRequest } from "../../src/protocol/encode.js";
import { messageFromJson } from "../../src/protocol/from-json.js";
import type { VeloResponse } from "../../src/protocol/messages.js";
import { requests } from "../../src/protocol/schema.js";
import type { MessageKind } from "../../src/protocol/schema.js";
import { checkingPrograms } from "../checking-program.js";
import { DaemonFixture } from "../daemon-fixture.js";
import { randomMessage, seededRandom } from "../random-message.js";
import { conversation } from "./conversation.js";
import { examples } from "./document-examples.js";
import { vectors } from "./vectors.js";

let program = "";
let t: DaemonFixture;

before(async () => {
  program = checkingPrograms(["wire_client"]).wire_client;
  t = new DaemonFixture();
  await t.start();
});

after(() => t.close());

async function run(args: readonly string[], input: readonly string[] = []): Promise<string[]> {
  const child = spawn(program, args, { stdio: "pipe" });
  child.stdin.on("error", () => undefined);
  child.stdin.end(input.map((line) => `${line}\n`).join(""));
  const ended = new Promise((resolve) => child.on("close", resolve));
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  assert.equal(stderr, "");
  assert.equal(code, 0);
  return stdout.split("\n").filter((line) => line !== "");
}

/** Same verdict, same message, as many bytes as ours takes. */
async function agree(kind: MessageKind, lines: readonly string[]): Promise<void> {
  const answers = await run(["decode", kind], lines);
  assert.equal(answers.length, lines.length);
  for (const [i, line] of lines.entries()) {
    const theirs = JSON.parse(answers[i]!) as Record<string, unknown>;
    const ours = JSON.parse(decodeLine(kind, line)) as Record<string, unknown>;
    assert.equal(theirs["ok"], ours["ok"], `${line}: ${answers[i]}`);
    if (ours["ok"] !== true) continue;
    assert.deepEqual(theirs["message"], ours["message"], line);
    assert.equal(theirs["size"], (ours["again"] as string).length / 2, line);
  }
}

for (const kind of ["request", "response"] as const) {
  test(`C: the page's ${kind}s, and every vector of one`, async () => {
    const shown = examples.filter(({ language }) => language.startsWith(kind));
    const chosen = vectors.filter((vector) => vector.kind === kind);
    assert.ok(shown.length >= 13 && chosen.length >= 100);
    await agree(kind, [...shown, ...chosen].map(({ hex }) => hex)); // prettier-ignore
  });

  test(`C: random ${kind}s, whole, cut and with a bit flipped`, async () => {
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

test("C: the page's requests, made from the header's tags and shapes", async () => {
  const shown = examples.filter(({ language }) => language === "request");
  assert.equal(shown.length, Object.keys(requests).length);
  assert.deepEqual(await run(["examples"]), shown.map(({ hex }) => hex)); // prettier-ignore
});

test("C: all 17 requests to a real daemon, sent before a reply is read", async () => {
  const turns = await conversation(t, "c");
  assert.deepEqual(new Set(turns.map(({ request }) => request.type)), new Set(Object.keys(requests)));
  const lines = turns.map(({ request }) => encodeRequest(request).toString("hex"));
  const replies = await run(["talk", t.home.daemonSocket], lines);
  assert.equal(replies.length, turns.length);
  for (const [i, { check }] of turns.entries())
    check(messageFromJson("response", JSON.parse(replies[i]!)) as VeloResponse);
});

test("TypeScript: the same conversation, each request after the reply before it", async () => {
  const raw = await t.raw();
  for (const { request, check } of await conversation(t, "typescript")) {
    const reply = await raw.call(request);
    assert.ok(reply);
    check(reply);
  }
});
