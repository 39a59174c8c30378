/**
 * Bytes to values, as `bincode::deserialize` of bincode 1.3 accepts them (docs/protocol.md): bytes after a complete message are
 * ignored; everything else that a strict reader can refuse is refused. Nothing is allocated on the word of a length
 * that the remaining bytes cannot keep. Values are copies: they do not hold on to the payload.
 */
import { isUtf8 } from "node:buffer";
import { VriftError } from "../platform/errors.js";
import { FieldPath } from "./field-path.js";
import type { VeloRequest, VeloResponse } from "./messages.js";
import { messageTables, structs } from "./schema.js";
import type { Fields, MessageKind, WireType } from "./schema.js";

/** @throws VriftError EBADMSG naming the field and the offset in the payload. */
export function decodeRequest(payload: Uint8Array): VeloRequest {
  return decodeMessage("request", payload) as VeloRequest;
}

/** @throws VriftError EBADMSG naming the field and the offset in the payload. */
export function decodeResponse(payload: Uint8Array): VeloResponse {
  return decodeMessage("response", payload) as VeloResponse;
}

export function decodeMessage(kind: MessageKind, payload: Uint8Array): VeloRequest | VeloResponse {
  const table = messageTables[kind];
  const reader = new Reader(payload, table.title);
  const tag = reader.u32();
  const known = table.byTag[tag];
  if (known === undefined) throw new VriftError("EBADMSG", `${table.title} has no tag ${tag} (offset 0)`);
  const [type, shape] = known;
  // The table's own types make the shape right; this is the one place where bytes become typed.
  return { type, ...reader.message(type, shape.fields) } as unknown as VeloRequest | VeloResponse;
}

const HASH_SIZE = 32;

class Reader {
  readonly #bytes: Buffer;
  #offset = 0;
  #at: FieldPath;

  constructor(payload: Uint8Array, title: string) {
    this.#bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
    this.#at = new FieldPath(title);
  }

  message(type: string, fields: Fields): Record<string, unknown> {
    this.#at = new FieldPath(type);
    return this.#fields(fields);
  }

  u32(): number {
    return this.#bytes.readUInt32LE(this.#take(4));
  }

  #fields(fields: Fields): Record<string, unknown> {
    const values: Record<string, unknown> = {};
    for (const name in fields) {
      this.#at.enter(name);
      values[name] = this.#value(fields[name]!);
      this.#at.leave();
    }
    return values;
  }

  #value(type: WireType): unknown {
    if (typeof type === "object") return this.#compound(type);
    switch (type) {
      case "bool":
        return this.#bit("bool");
      case "u16":
        return this.#bytes.readUInt16LE(this.#take(2));
      case "u32":
        return this.u32();
      case "i32":
        return this.#bytes.readInt32LE(this.#take(4));
      case "u64":
        return this.#bytes.readBigUInt64LE(this.#take(8));
      case "string":
        return this.#string();
      case "bytes":
        return this.#copy(this.#length(1));
      case "hash":
        return this.#copy(HASH_SIZE);
    }
  }

  #compound(type: Exclude<WireType, string>): unknown {
    if ("option" in type) return this.#bit("option") ? this.#value(type.option) : null;
    if ("struct" in type) return this.#fields(structs[type.struct]);
    if ("pair" in type) return [this.#element(type.pair[0], 0), this.#element(type.pair[1], 1)];
    const count = this.#length(smallest(type.list));
    const values: unknown[] = [];
    for (let i = 0; i < count; i++) values.push(this.#element(type.list, i));
    return values;
  }

  #element(type: WireType, index: number): unknown {
    this.#at.enter(index);
    const value = this.#value(type);
    this.#at.leave();
    return value;
  }

  #bit(what: string): boolean {
    const offset = this.#take(1);
    const byte = this.#bytes[offset]!;
    if (byte > 1) this.#refuse(offset, `${what} byte is ${byte}, neither 0 nor 1`);
    return byte === 1;
  }

  #string(): string {
    const length = this.#length(1);
    const offset = this.#take(length);
    const utf8 = this.#bytes.subarray(offset, offset + length);
    if (!isUtf8(utf8)) this.#refuse(offset, "not valid UTF-8");
    return utf8.toString("utf8");
  }

  #copy(length: number): Uint8Array {
    const offset = this.#take(length);
    return new Uint8Array(this.#bytes.subarray(offset, offset + length));
  }

  /** A u64 count of things of at least `each` bytes: refused when the payload cannot hold them. */
  #length(each: number): number {
    const offset = this.#take(8);
    const low = this.#bytes.readUInt32LE(offset);
    const high = this.#bytes.readUInt32LE(offset + 4);
    const remain = this.#bytes.length - this.#offset;
    if (high !== 0 || low * each > remain) {
      const length = this.#bytes.readBigUInt64LE(offset);
      this.#refuse(
        offset,
        `length ${length} needs at least ${length * BigInt(each)} bytes, ${remain} remain`,
      );
    }
    return low;
  }

  /** Offset of the next `length` bytes, which are consumed. */
  #take(length: number): number {
    const offset = this.#offset;
    const remain = this.#bytes.length - offset;
    if (length > remain) this.#refuse(offset, `needs ${length} bytes, ${remain} remain`);
    this.#offset = offset + length;
    return offset;
  }

  #refuse(offset: number, why: string): never {
    throw new VriftError("EBADMSG", `${this.#at.toString()} at offset ${offset}: ${why}`);
  }
}

/** Bytes of the shortest value of a type. */
function smallest(type: WireType): number {
  if (typeof type !== "object") return smallestPlain[type];
  if ("option" in type) return 1;
  if ("list" in type) return 8;
  if ("pair" in type) return smallest(type.pair[0]) + smallest(type.pair[1]);
  return Object.values(structs[type.struct]).reduce((sum, field) => sum + smallest(field), 0);
}

const smallestPlain: Readonly<Record<Extract<WireType, string>, number>> = {
  bool: 1,
  u16: 2,
  u32: 4,
  i32: 4,
  u64: 8,
  string: 8,
  bytes: 8,
  hash: HASH_SIZE,
};
