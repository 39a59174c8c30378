/** Damaged payloads, made from good ones and from what was found before: the same ones for the same seed and corpus. */
import { below } from "../random-message.js";
import type { Random } from "../random-message.js";

const LENGTHS = [0n, 1n, 0xffn, 0xffffn, 1n << 24n, (1n << 31n) - 1n, 1n << 31n, 0xffff_ffffn, 1n << 32n, (1n << 53n) + 1n, (1n << 63n) - 1n, 1n << 63n, (1n << 64n) - 1n]; // prettier-ignore
const BYTES = [0, 1, 2, 0x2e, 0x2f, 0x7f, 0x80, 0xc0, 0xed, 0xf4, 0xff];
/** A frame is at most 16 MiB, and what is far below that is damaged the same way faster. */
const LONGEST = 4096;

export function damaged(base: Buffer, other: Buffer, random: Random): Buffer {
  let bytes: Buffer = Buffer.from(base);
  const times = 1 + below(random, 3);
  for (let i = 0; i < times; i++) bytes = once(bytes, other, random);
  return bytes.length > LONGEST ? bytes.subarray(0, LONGEST) : bytes;
}

function once(bytes: Buffer, other: Buffer, random: Random): Buffer {
  const at = below(random, bytes.length + 1);
  switch (below(random, 8)) {
    case 0:
      if (at < bytes.length) bytes[at]! ^= 1 << below(random, 8);
      return bytes;
    case 1:
      if (at < bytes.length) bytes[at] = BYTES[below(random, BYTES.length)]!;
      return bytes;
    case 2:
      return bytes.subarray(0, at);
    case 3:
      return Buffer.concat([bytes, noise(below(random, 40), random)]);
    case 4:
      // Fields begin at multiples of four more often than not, and lengths are eight bytes.
      return length(bytes, random() < 0.7 ? at & ~3 : at, random);
    case 5:
      return Buffer.concat([bytes.subarray(0, at), other.subarray(below(random, other.length + 1))]);
    case 6:
      return Buffer.concat([bytes.subarray(0, at), noise(1 + below(random, 8), random), bytes.subarray(at)]);
    default:
      if (bytes.length >= 4) bytes.writeUInt32LE(below(random, 20));
      return bytes;
  }
}

function length(bytes: Buffer, at: number, random: Random): Buffer {
  if (at + 8 > bytes.length) return bytes;
  const near = bytes.readBigUInt64LE(at);
  const value =
    random() < 0.5 ? LENGTHS[below(random, LENGTHS.length)]! : near + BigInt(below(random, 5)) - 2n;
  bytes.writeBigUInt64LE(BigInt.asUintN(64, value), at);
  return bytes;
}

function noise(size: number, random: Random): Buffer {
  return Buffer.from(Array.from({ length: size }, () => below(random, 256)));
}
