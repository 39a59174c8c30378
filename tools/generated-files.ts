/** Generated files and their texts, from the declarations in src/. Paths are relative to the project. */
import { readFileSync } from "node:fs";
import { scanRecord } from "../src/platform/scan-record.js";
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
