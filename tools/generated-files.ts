/** Generated files and their texts, from the declarations in src/. Paths are relative to the project. */
import { readFileSync } from "node:fs";
import { scanRecord } from "../src/platform/scan-record.js";
import { FRAME_MAX } from "../src/platform/limits.js";
import { FLAG_DIR, FLAG_SYMLINK } from "../src/protocol/messages.js";
import { messageTables, structs as wireStructs } from "../src/protocol/schema.js";
import type { MessageKind, WireType } from "../src/protocol/schema.js";
import { PROTOCOL_VERSION } from "../src/protocol/version.js";
import { constants, structs } from "../src/vdir/layout.js";
import type { Field, Struct } from "../src/vdir/layout.js";

const cTypes = {
  u8: "uint8_t",
  u16: "uint16_t",
  u32: "uint32_t",
  u64: "uint64_t",
  i64: "int64_t",
  bytes: "uint8_t",
};

export function generatedFiles(): ReadonlyMap<string, string> {
  return new Map([
    ["native/generated/vrift_layout.h", layoutHeader()],
    ["native/generated/vrift_wire.h", wireHeader()],
    ["docs/index-format.md", withTables(readFileSync("docs/index-format.md", "utf8"))],
  ]);
}

function layoutHeader(): string {
  return [
    "/* Generated from src/vdir/layout.ts and src/platform/scan-record.ts by `npm run generate`; do not edit. */",
    "#ifndef VRIFT_LAYOUT_H",
    "#define VRIFT_LAYOUT_H",
    "",
    "#include <stddef.h>",
    "#include <stdint.h>",
    "",
    ...Object.entries(constants).map(([name, value]) => `#define VRIFT_${name} ${cInteger(value)}`),
    "",
    ...[...structs, scanRecord].flatMap(structLines),
    "#endif",
    "",
  ].join("\n");
}

/** Tags as enums, and for interpreters a list of messages with their shapes. */
function wireHeader(): string {
  return [
    "/* Generated from src/protocol/schema.ts by `npm run generate`; do not edit. */",
    "#ifndef VRIFT_WIRE_H",
    "#define VRIFT_WIRE_H",
    "",
    `#define VRIFT_PROTOCOL_VERSION "${PROTOCOL_VERSION}"`,
    `#define VRIFT_FRAME_MAX ${FRAME_MAX}u /* bytes of one payload */`,
    `#define VRIFT_FLAG_DIR ${FLAG_DIR}u`,
    `#define VRIFT_FLAG_SYMLINK ${FLAG_SYMLINK}u`,
    "",
    "/*",
    " * X(tag, name, shape). A shape is the fields in wire order, `name:type` with commas between. Types: b bool, h u16, u u32,",
    " * i i32, q u64, s String, x Vec<u8>, H [u8; 32], ?T Option, [T] Vec, (TT) pair, {fields} struct. `=T`: one field without a",
    " * name.",
    " */",
    ...(["request", "response"] as const).flatMap(messageLines),
    "#endif",
    "",
  ].join("\n");
}

function messageLines(kind: MessageKind): string[] {
  const prefix = `VRIFT_${kind.toUpperCase()}_`;
  const messages = messageTables[kind].byTag.map(([name, { tag, fields, newtype }]) => {
    const constant = prefix + name.replace(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase();
    const shape = newtype ? `=${shapeOf(Object.values(fields)[0]!)}` : fieldShapes(fields);
    return { name, tag, constant, shape };
  });
  return [
    `enum vrift_${kind} {`,
    ...messages.map(({ constant, tag }) => `  ${constant} = ${tag},`),
    "};",
    `#define VRIFT_${kind.toUpperCase()}S(X) \\`,
    messages.map(({ constant, name, shape }) => `  X(${constant}, "${name}", "${shape}")`).join(" \\\n"),
    "",
  ];
}

function fieldShapes(fields: Readonly<Record<string, WireType>>): string {
  return Object.entries(fields)
    .map(([name, type]) => `${name}:${shapeOf(type)}`)
    .join(",");
}

function shapeOf(type: WireType): string {
  if (typeof type === "string")
    return { bool: "b", u16: "h", u32: "u", i32: "i", u64: "q", string: "s", bytes: "x", hash: "H" }[type];
  if ("option" in type) return `?${shapeOf(type.option)}`;
  if ("list" in type) return `[${shapeOf(type.list)}]`;
  if ("pair" in type) return `(${type.pair.map(shapeOf).join("")})`;
  return `{${fieldShapes(wireStructs[type.struct])}}`;
}

function cInteger(value: bigint): string {
  const digits = value > 0xffffn ? `0x${value.toString(16)}` : value.toString();
  return value > 0xffff_ffffn ? `${digits}ull` : `${digits}u`;
}

function structLines(struct: Struct): string[] {
  return [
    `/* ${struct.comment} */`,
    `struct ${struct.name} {`,
    ...struct.fields.map(fieldLine),
    "};",
    `_Static_assert(sizeof(struct ${struct.name}) == ${struct.size}, "${struct.name}");`,
    ...struct.fields.map(
      (field) =>
        `_Static_assert(offsetof(struct ${struct.name}, ${field.name}) == ${field.offset}, "${struct.name}.${field.name}");`,
    ),
    "",
  ];
}

function fieldLine(field: Field): string {
  const array = field.type === "bytes" ? `[${field.length}]` : "";
  const comment = field.comment === "" ? "" : ` /* ${field.comment} */`;
  return `  ${cTypes[field.type]} ${field.name}${array};${comment}`;
}

/** A page with the table of each named structure between its markers; the rest of it is written by hand. */
function withTables(page: string): string {
  return page.replace(
    /(<!-- layout (\w+) -->\n)[^]*?(<!-- end -->)/g,
    (_whole, start: string, name: string, end: string) => {
      const struct = structs.find((candidate) => candidate.name === name);
      if (struct === undefined) throw new Error(`docs/index-format.md names ${name}, which is no structure`);
      return `${start}${tableLines(struct).join("\n")}\n${end}`;
    },
  );
}

function tableLines({ name, size, comment, fields }: Struct): string[] {
  return [
    `\`${name}\`, ${size} bytes. ${comment}`,
    "",
    "| offset | type | field | |",
    "|---|---|---|---|",
    ...fields.map((field) => {
      const type = field.type === "bytes" ? `u8[${field.length}]` : field.type;
      return `| ${field.offset} | ${type} | \`${field.name}\` | ${field.comment} |`;
    }),
  ];
}
