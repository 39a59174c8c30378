/** Random messages from the tables, for round-trip and framing tests. */
import type { VeloRequest, VeloResponse } from "../src/protocol/messages.js";
import { messageTables, structs } from "../src/protocol/schema.js";
import type { Fields, MessageKind, WireType } from "../src/protocol/schema.js";

/** Uniform numbers in [0, 1) from a seed (mulberry32), so that a failure can be repeated. */
export type Random = () => number;

export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export function randomMessage(kind: MessageKind, random: Random): VeloRequest | VeloResponse {
  const [type, shape] = pick(random, messageTables[kind].byTag);
  return { type, ...randomFields(shape.fields, random) } as unknown as VeloRequest | VeloResponse;
}

function randomFields(fields: Fields, random: Random): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([name, type]) => [name, randomValue(type, random)]));
}

function randomValue(type: WireType, random: Random): unknown {
  if (typeof type === "object") {
    if ("option" in type) return random() < 0.5 ? null : randomValue(type.option, random);
    if ("struct" in type) return randomFields(structs[type.struct], random);
    if ("pair" in type) return type.pair.map((member) => randomValue(member, random));
    return Array.from({ length: below(random, 5) }, () => randomValue(type.list, random));
  }
  switch (type) {
    case "bool":
      return random() < 0.5;
    case "u16":
      return pick(random, [0, 1, 0xff00, 0xffff, below(random, 0x1_0000)]);
    case "u32":
      return pick(random, [0, 0x8000_0000, 0xffff_ffff, below(random, 0x1_0000_0000)]);
    case "i32":
      return pick(random, [-1, -0x8000_0000, 0x7fff_ffff, below(random, 0x1_0000_0000) - 0x8000_0000]);
    case "u64":
      return pick(random, [
        0n,
        (1n << 53n) + 1n,
        1n << 63n,
        (1n << 64n) - 1n,
        BigInt(below(random, 2 ** 53)),
      ]);
    case "string":
      return pick(random, [
        "",
        "/",
        "src/main.rs",
        "\u0000",
        "\ufeffé",
        "日本語/🙂",
        "\ufffd",
        "x".repeat(below(random, 300)),
      ]);
    case "bytes":
      return randomBytes(below(random, 100), random);
    case "hash":
      return randomBytes(32, random);
  }
}

function randomBytes(length: number, random: Random): Uint8Array {
  return Uint8Array.from({ length }, () => below(random, 256));
}

export function below(random: Random, limit: number): number {
  return Math.floor(random() * limit);
}

function pick<T>(random: Random, choices: readonly T[]): T {
  return choices[below(random, choices.length)]!;
}
