/** docs/protocol.md is run: every example, and its tables against the schema. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { examples, protocolPage } from "../../test/wire/document-examples.js";
import type { Example } from "../../test/wire/document-examples.js";
import { decodeMessage } from "./decode.js";
import { decodeLine } from "./decode-lines.js";
import { FrameReader, encodeFrame } from "./frame.js";
import { messageTables, requests, structs } from "./schema.js";
import type { MessageKind, WireType } from "./schema.js";

function ofLanguage(language: string): readonly Example[] {
  const found = examples.filter((example) => example.language === language);
  assert.ok(found.length > 0, `no ${language} example`);
  return found;
}

for (const kind of ["request", "response"] as const) {
  test(`every ${kind} has an example, and the examples are right`, () => {
    const shown = ofLanguage(kind).map(({ hex, result }) => {
      assert.deepEqual(answer(kind, hex), { ok: true, message: JSON.parse(result) as unknown, again: hex });
      return decodeMessage(kind, Buffer.from(hex, "hex")).type;
    });
    assert.deepEqual([...new Set(shown)], [...messageTables[kind].byName.keys()]);
  });

  test(`refused ${kind}s read as shown`, () => {
    for (const { hex, result } of ofLanguage(`${kind}-refused`)) {
      assert.deepEqual(answer(kind, hex), { ok: false, error: result });
    }
  });
}

test("bytes after a message are ignored as shown", () => {
  for (const { hex, result } of ofLanguage("request-with-tail")) {
    const { message, again } = answer("request", hex);
    assert.deepEqual(message, JSON.parse(result));
    assert.ok(typeof again === "string" && hex.startsWith(again) && hex.length > again.length);
  }
});

test("frames as shown", () => {
  for (const { hex } of ofLanguage("frames")) {
    const reader = new FrameReader();
    reader.push(Buffer.from(hex, "hex"));
    const payloads = [reader.next(), reader.next(), reader.next()];
    assert.deepEqual(
      payloads.map((payload) => payload?.toString("hex")),
      ["01000000", "", "01000000"],
    );
    assert.equal(Buffer.concat(payloads.map((payload) => encodeFrame(payload!))).toString("hex"), hex);
    assert.equal(reader.partial, false);
  }
});

test("no example is of a kind that nobody runs", () => {
  const known = ["request", "response", "request-refused", "response-refused", "request-with-tail", "frames"];
  assert.deepEqual([...new Set(examples.map(({ language }) => language))].sort(), known.sort());
});

test("the tables list every message, field and reply", () => {
  const rows: string[] = [];
  for (const kind of ["request", "response"] as const) {
    for (const [name, { tag, fields, newtype }] of messageTables[kind].byTag) {
      const shown = Object.entries(fields).map(([field, type]) =>
        newtype ? rust(type) : `${field}: ${rust(type)}`,
      );
      const cells = [tag, name, shown.map((text) => `\`${text}\``).join(", ") || "-"];
      if (kind === "request") cells.push(requests[name as keyof typeof requests].replies.join(", "));
      rows.push(`| ${cells.join(" | ")} |`);
    }
  }
  for (const [name, fields] of Object.entries(structs)) {
    for (const [field, type] of Object.entries(fields))
      rows.push(`| ${name} | ${field} | \`${rust(type)}\` |`);
  }
  let from = 0;
  for (const row of rows) {
    const at = protocolPage.indexOf(`\n${row}`, from);
    assert.ok(at >= 0, `missing or out of order: ${row}`);
    from = at;
  }
});

function answer(kind: MessageKind, hex: string): Record<string, unknown> {
  return JSON.parse(decodeLine(kind, hex)) as Record<string, unknown>;
}

function rust(type: WireType): string {
  if (typeof type === "string")
    return { string: "String", bytes: "Vec<u8>", hash: "[u8; 32]" }[type as string] ?? type;
  if ("option" in type) return `Option<${rust(type.option)}>`;
  if ("list" in type) return `Vec<${rust(type.list)}>`;
  if ("pair" in type) return `(${type.pair.map(rust).join(", ")})`;
  return type.struct;
}
