/**
 * Messages from the JSON of serde-json.ts. As serde_json, and stricter where a typing error would go unseen: a field that a
 * message does not have is refused. u64 are decimal strings; a number is taken when it is exact.
 */
import { VriftError } from "../platform/errors.js";
import { FieldPath } from "./field-path.js";
import type { VeloRequest, VeloResponse } from "./messages.js";
import { messageTables, structs } from "./schema.js";
import type { Fields, MessageKind, WireType } from "./schema.js";

/** @throws VriftError EINVAL naming the field. Ranges and lone surrogates are left to the encoder, which says EINVAL as well. */
export function messageFromText(kind: MessageKind, text: string): VeloRequest | VeloResponse {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new VriftError("EINVAL", `${shown(text)} is not JSON`, { cause: error });
  }
  return messageFromJson(kind, json);
}

export function messageFromJson(kind: MessageKind, json: unknown): VeloRequest | VeloResponse {
  const { title, byName } = messageTables[kind];
  const entries: readonly (readonly [string, unknown])[] =
    typeof json === "string" ? [[json, null]] : isObject(json) ? Object.entries(json) : [];
  const [name, value] = entries[0] ?? [];
  if (entries.length !== 1 || name === undefined)
    throw new VriftError(
      "EINVAL",
      `a ${title} is the name of one or {"Name":{fields}}, not ${shown(JSON.stringify(json))}`,
    );
  const shape = byName.get(name);
  if (shape === undefined) throw new VriftError("EINVAL", `${title} has no ${shown(name)}`);
  const fields = Object.keys(shape.fields);
  const at = new FieldPath(name);
  const given = fields.length === 0 ? (value ?? {}) : shape.newtype ? { [fields[0]!]: value } : value;
  return { type: name, ...fieldsFrom(shape.fields, given, at) } as unknown as VeloRequest | VeloResponse;
}

function fieldsFrom(fields: Fields, json: unknown, at: FieldPath): Record<string, unknown> {
  if (!isObject(json)) return refuse(at, "an object of fields");
  for (const name of Object.keys(json))
    if (!Object.hasOwn(fields, name))
      throw new VriftError("EINVAL", `${at.toString()} has no field ${shown(name)}`);
  const values: Record<string, unknown> = {};
  for (const name in fields) {
    at.enter(name);
    values[name] = valueFrom(fields[name]!, json[name], at);
    at.leave();
  }
  return values;
}

function valueFrom(type: WireType, json: unknown, at: FieldPath): unknown {
  if (typeof type === "object") return compoundFrom(type, json, at);
  switch (type) {
    case "bool":
      return typeof json === "boolean" ? json : refuse(at, "true or false");
    case "u16":
    case "u32":
    case "i32":
      return typeof json === "number" ? json : refuse(at, "a number");
    case "u64":
      return u64From(json, at);
    case "string":
      return typeof json === "string" ? json : refuse(at, "a string");
    case "bytes":
      return hexFrom(json) ?? refuse(at, "a string of bytes in hexadecimal");
    case "hash": {
      const bytes = hexFrom(json);
      return bytes?.length === 32 ? bytes : refuse(at, "64 hexadecimal digits");
    }
  }
}

function compoundFrom(type: Exclude<WireType, string>, json: unknown, at: FieldPath): unknown {
  // A missing Option is None, as for serde.
  if ("option" in type) return json === null || json === undefined ? null : valueFrom(type.option, json, at);
  if ("struct" in type) return fieldsFrom(structs[type.struct], json, at);
  if (!Array.isArray(json)) return refuse(at, "an array");
  if ("pair" in type && json.length !== 2) return refuse(at, "an array of two");
  return json.map((member, i) => {
    at.enter(i);
    const value = valueFrom("pair" in type ? type.pair[i === 0 ? 0 : 1] : type.list, member, at);
    at.leave();
    return value;
  });
}

function u64From(json: unknown, at: FieldPath): bigint {
  if (typeof json === "string" && /^\d{1,20}$/.test(json)) return BigInt(json);
  if (typeof json === "number" && Number.isSafeInteger(json)) return BigInt(json);
  return refuse(at, "a decimal string");
}

function hexFrom(json: unknown): Uint8Array | undefined {
  if (typeof json !== "string" || json.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(json)) return undefined;
  return new Uint8Array(Buffer.from(json, "hex"));
}

function isObject(json: unknown): json is Record<string, unknown> {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}

function refuse(at: FieldPath, wanted: string): never {
  throw new VriftError("EINVAL", `${at.toString()} must be ${wanted}`);
}

function shown(text: string): string {
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}
