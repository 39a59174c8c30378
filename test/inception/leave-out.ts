/**
 * The library without one of its interceptors: a copy in which the symbol has no value, so that the dynamic linker goes on to
 * libc's, for programs and for the library's own calls alike. That is what leaving the function out of the source comes to, in a
 * millisecond instead of a build.
 */
import assert from "node:assert/strict";

const SHT_DYNSYM = 11;
const SECTION_SIZE = 64;
const SYMBOL_SIZE = 24;

interface Section {
  readonly type: number;
  readonly offset: number;
  readonly size: number;
  readonly link: number;
}

function sectionAt(elf: Buffer, at: number): Section {
  return {
    type: elf.readUInt32LE(at + 4),
    offset: Number(elf.readBigUInt64LE(at + 24)),
    size: Number(elf.readBigUInt64LE(at + 32)),
    link: elf.readUInt32LE(at + 40),
  };
}

/** `library`: a 64-bit little-endian ELF file. */
export function leaveOut(library: Buffer, symbol: string): Buffer {
  const copy = Buffer.from(library);
  const table = Number(copy.readBigUInt64LE(0x28));
  const count = copy.readUInt16LE(0x3c);
  const sections = Array.from({ length: count }, (_, i) => sectionAt(copy, table + i * SECTION_SIZE));
  const symbols = sections.find((section) => section.type === SHT_DYNSYM);
  const names = symbols === undefined ? undefined : sections[symbols.link];
  assert.ok(symbols !== undefined && names !== undefined, "the library has dynamic symbols");
  const wanted = Buffer.from(`${symbol}\0`);
  for (let at = symbols.offset; at < symbols.offset + symbols.size; at += SYMBOL_SIZE) {
    const name = names.offset + copy.readUInt32LE(at);
    if (!copy.subarray(name, name + wanted.length).equals(wanted)) continue;
    copy.writeBigUInt64LE(0n, at + 8);
    return copy;
  }
  throw new Error(`the library does not export ${symbol}`);
}
