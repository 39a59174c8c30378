/**
 * Messages as JSON: what serde_json prints for the Rust value, except that u64 are decimal strings (JSON readers round
 * them) and byte arrays lower-case hexadecimal.
 */
import { messageTables, structs } from "./schema.js";
import type { Fields, MessageKind, WireType } from "./schema.js";
import type { VeloRequest, VeloResponse } from "./messages.js";

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

export type BytesToJson = (bytes: Uint8Array) => string;

const hex: BytesToJson = (bytes) => Buffer.from(bytes).toString("hex");

/** Unit variants are a string, `Error` a newtype, all others an object of fields under the variant's name. */
export function messageToJson(
  kind: MessageKind,
  message: VeloRequest | VeloResponse,
  bytesToJson: BytesToJson = hex,
): Json {
  const shape = messageTables[kind].byName.get(message.type);
  if (shape === undefined) throw new TypeError(`no ${kind} ${message.type}`);
  const fields = fieldsToJson(shape.fields, message, bytesToJson);
  if (shape.newtype) return { [message.type]: Object.values(fields)[0]! };
  return Object.keys(fields).length === 0 ? message.type : { [message.type]: fields };
}

function fieldsToJson(fields: Fields, values: unknown, bytes: BytesToJson): { [key: string]: Json } {
  const json: { [key: string]: Json } = {};
  for (const name in fields)
    json[name] = toJson(fields[name]!, (values as Record<string, unknown>)[name], bytes);
  return json;
}

function toJson(type: WireType, value: unknown, bytes: BytesToJson): Json {
  if (type === "u64") return (value as bigint).toString();
  if (type === "bytes" || type === "hash") return bytes(value as Uint8Array);
  if (typeof type === "string") return value as Json;
  if ("option" in type) return value === null ? null : toJson(type.option, value, bytes);
  if ("struct" in type) return fieldsToJson(structs[type.struct], value, bytes);
  if ("pair" in type)
    return (value as readonly unknown[]).map((member, i) =>
      toJson(type.pair[i === 0 ? 0 : 1], member, bytes),
    );
  return (value as readonly unknown[]).map((member) => toJson(type.list, member, bytes));
}
