/**
 * Keys that share one path hash, by construction (docs/index-format.md): `fold(x, 0)` is 0, so a key of 32 bytes whose last
 * eight are the state after its first sixteen has the hash 0, whatever stands between. And `fold` does not care which of its
 * operands is which, so two blocks can be exchanged.
 */
import { native } from "../src/platform/native.js";

const MASK = (1n << 64n) - 1n;
const K0 = 0x9e37_79b9_7f4a_7c15n;
const K1 = 0x6a09_e667_f3bc_c909n;
const LETTERS = /^[\w.-]{8}$/;

function fold(a: bigint, b: bigint): bigint {
  const product = a * b;
  return (product & MASK) ^ (product >> 64n);
}

function bytes(word: bigint): Buffer {
  const out = Buffer.alloc(8);
  out.writeBigUInt64LE(word);
  return out;
}

/** Sixteen bytes that begin with `start`, and the hash state after them; both letters, digits, `_`, `.` and `-` when `wanted` says so. */
function block(start: string, wanted: (state: bigint) => boolean): { text: string; state: bigint } {
  for (let n = 0; ; n += 1) {
    const text = `${start}${n.toString(36)}`.padEnd(16, "_");
    const from = Buffer.from(text);
    const state = fold(from.readBigUInt64LE(0) ^ K1, from.readBigUInt64LE(8) ^ K0);
    if (wanted(state)) return { text, state };
  }
}

/** `count` keys below `directory` ("" or "name/", at most ten bytes), all of hash 0; their names are 32 bytes less the directory's. */
export function keysOfHashZero(directory: string, count: number): string[] {
  const { text, state } = block(directory, (word) => LETTERS.test(bytes(word).toString("latin1")));
  const end = bytes(state).toString("latin1");
  return Array.from({ length: count }, (_, n) => `${text}${String(n).padStart(8, "0")}${end}`);
}

/** Two keys below `directory` with one hash that is not 0. */
export function swappedKeys(directory: string): [string, string] {
  const letters = [...Buffer.from("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")];
  // For each byte of the difference the letters that it turns into letters.
  const pairs = (word: bigint) =>
    [...bytes(word ^ K1)].map((byte) => letters.filter((letter) => letters.includes(letter ^ byte)));
  const { text, state } = block(directory, (word) => pairs(word).every((choice) => choice.length > 1));
  const choice = pairs(state);
  const a = Buffer.from(choice.map((from) => from[0] ?? 0));
  const b = Buffer.from(choice.map((from) => from.find((letter) => letter !== from[0]) ?? 0));
  const swap = (word: Buffer) => bytes(word.readBigUInt64LE() ^ state ^ K1).toString();
  return [`${text}${a.toString()}${b.toString()}`, `${text}${swap(b)}${swap(a)}`];
}

/** Throws unless all keys have one hash, which it gives. */
export function commonHash(keys: readonly string[]): bigint {
  const hashes = new Set(keys.map((key) => native.pathHash(Buffer.from(key))));
  const [hash] = hashes;
  if (hash === undefined || hashes.size !== 1) throw new Error(`${keys.join(" ")} do not share a hash`);
  return hash;
}
