/**
 * Values to bytes, as serde and bincode 1.3 with its defaults write them (docs/protocol.md). Two walks over the table: the first
 * checks every value and adds up the size, the second writes into one buffer of exactly that size.
 */
import { VriftError } from "../platform/errors.js";
import { FieldPath } from "./field-path.js";
import type { VeloRequest, VeloResponse } from "./messages.js";
import { messageTables, structs } from "./schema.js";
import type { Fields, MessageKind, WireType } from "./schema.js";

/** @throws VriftError EINVAL naming the field whose value does not fit its type. */
export function encodeRequest(message: VeloRequest): Buffer {
  return encodeMessage("request", message);
}

/** @throws VriftError EINVAL naming the field whose value does not fit its type. */
export function encodeResponse(message: VeloResponse): Buffer {
  return encodeMessage("response", message);
}

export function encodeMessage(kind: MessageKind, message: VeloRequest | VeloResponse): Buffer {
  const table = messageTables[kind];
  const shape = table.byName.get(message.type);
  if (shape === undefined) throw new VriftError("EINVAL", `${table.title} has no ${String(message.type)}`);
  const size = TAG_SIZE + new Measure(message.type).fields(shape.fields, message);
  const writer = new Writer(size);
  writer.u32(shape.tag);
  writer.fields(shape.fields, message);
  return writer.buffer;
}

const TAG_SIZE = 4;
const LENGTH_SIZE = 8;
const HASH_SIZE = 32;

class Measure {
  readonly #at: FieldPath;

  constructor(message: string) {
    this.#at = new FieldPath(message);
  }

  fields(fields: Fields, values: unknown): number {
    if (typeof values !== "object" || values === null) this.#refuse("an object");
    let size = 0;
    for (const name in fields) {
      this.#at.enter(name);
      size += this.#value(fields[name]!, (values as Record<string, unknown>)[name]);
      this.#at.leave();
    }
    return size;
  }

  #value(type: WireType, value: unknown): number {
    if (typeof type === "object") return this.#compound(type, value);
    switch (type) {
      case "bool":
        if (typeof value !== "boolean") this.#refuse("a boolean");
        return 1;
      case "u16":
        return this.#integer(value, 0, 0xffff, 2);
      case "u32":
        return this.#integer(value, 0, 0xffff_ffff, 4);
      case "i32":
        return this.#integer(value, -0x8000_0000, 0x7fff_ffff, 4);
      case "u64":
        if (typeof value !== "bigint" || BigInt.asUintN(64, value) !== value)
          this.#refuse("a bigint from 0 to 2^64 - 1");
        return 8;
      case "string":
        if (typeof value !== "string") this.#refuse("a string");
        return LENGTH_SIZE + this.#utf8Length(value);
      case "bytes":
        if (!(value instanceof Uint8Array)) this.#refuse("a Uint8Array");
        return LENGTH_SIZE + value.length;
      case "hash":
        if (!(value instanceof Uint8Array) || value.length !== HASH_SIZE)
          this.#refuse("a Uint8Array of 32 bytes");
        return HASH_SIZE;
    }
  }

  #compound(type: Exclude<WireType, string>, value: unknown): number {
    if ("option" in type) return value === null ? 1 : 1 + this.#value(type.option, value);
    if ("struct" in type) return this.fields(structs[type.struct], value);
    if (!Array.isArray(value)) this.#refuse("an array");
    if ("pair" in type) {
      if (value.length !== 2) this.#refuse("an array of two");
      return this.#element(type.pair[0], value, 0) + this.#element(type.pair[1], value, 1);
    }
    let size = LENGTH_SIZE;
    for (let i = 0; i < value.length; i++) size += this.#element(type.list, value, i);
    return size;
  }

  #element(type: WireType, values: readonly unknown[], index: number): number {
    this.#at.enter(index);
    const size = this.#value(type, values[index]);
    this.#at.leave();
    return size;
  }

  #integer(value: unknown, least: number, most: number, size: number): number {
    if (typeof value !== "number" || !Number.isInteger(value) || value < least || value > most) {
      this.#refuse(`an integer from ${least} to ${most}`);
    }
    return size;
  }

  #utf8Length(text: string): number {
    const length = Buffer.byteLength(text);
    // A lone surrogate has no UTF-8; Node would write U+FFFD, another name than the one meant.
    if (length !== text.length && /\p{Surrogate}/u.test(text))
      this.#refuse("a string without lone surrogates");
    return length;
  }

  #refuse(wanted: string): never {
    throw new VriftError("EINVAL", `${this.#at.toString()} must be ${wanted}`);
  }
}

/** Writes what Measure has checked. */
class Writer {
  readonly buffer: Buffer;
  #offset = 0;

  constructor(size: number) {
    this.buffer = Buffer.allocUnsafe(size);
  }

  u32(value: number): void {
    this.#offset = this.buffer.writeUInt32LE(value, this.#offset);
  }

  fields(fields: Fields, values: unknown): void {
    for (const name in fields) this.#value(fields[name]!, (values as Record<string, unknown>)[name]);
  }

  #value(type: WireType, value: unknown): void {
    if (typeof type === "object") return this.#compound(type, value);
    switch (type) {
      case "bool":
        return this.#byte(value === true ? 1 : 0);
      case "u16":
        this.#offset = this.buffer.writeUInt16LE(value as number, this.#offset);
        return;
      case "u32":
        return this.u32(value as number);
      case "i32":
        this.#offset = this.buffer.writeInt32LE(value as number, this.#offset);
        return;
      case "u64":
        this.#offset = this.buffer.writeBigUInt64LE(value as bigint, this.#offset);
        return;
      case "string": {
        const written = this.buffer.write(value as string, this.#offset + LENGTH_SIZE, "utf8");
        this.#length(written);
        this.#offset += written;
        return;
      }
      case "bytes":
        this.#length((value as Uint8Array).length);
        return this.#raw(value as Uint8Array);
      case "hash":
        return this.#raw(value as Uint8Array);
    }
  }

  #compound(type: Exclude<WireType, string>, value: unknown): void {
    if ("option" in type) {
      this.#byte(value === null ? 0 : 1);
      if (value !== null) this.#value(type.option, value);
    } else if ("struct" in type) {
      this.fields(structs[type.struct], value);
    } else if ("pair" in type) {
      const [first, second] = value as readonly [unknown, unknown];
      this.#value(type.pair[0], first);
      this.#value(type.pair[1], second);
    } else {
      this.#length((value as readonly unknown[]).length);
      for (const element of value as readonly unknown[]) this.#value(type.list, element);
    }
  }

  #length(length: number): void {
    this.#offset = this.buffer.writeBigUInt64LE(BigInt(length), this.#offset);
  }

  #byte(value: number): void {
    this.buffer[this.#offset++] = value;
  }

  #raw(bytes: Uint8Array): void {
    this.buffer.set(bytes, this.#offset);
    this.#offset += bytes.length;
  }
}
