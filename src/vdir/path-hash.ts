/**
 * The path hash of docs/index-format.md, as the specification of it reads. The addon's `pathHash` is the fast one; tests
 * hold the two together.
 */
const MASK = (1n << 64n) - 1n;
const K0 = 0x9e37_79b9_7f4a_7c15n;
const K1 = 0x6a09_e667_f3bc_c909n;
const K2 = 0xbb67_ae85_84ca_a73bn;

function fold(a: bigint, b: bigint): bigint {
  const product = a * b;
  return (product & MASK) ^ (product >> 64n);
}

export function pathHashReference(key: Buffer): bigint {
  const n = key.length;
  const r8 = (at: number) => key.readBigUInt64LE(at);
  const r4 = (at: number) => BigInt(key.readUInt32LE(at));
  const r1 = (at: number) => BigInt(key.readUInt8(at));
  let h = K0;
  for (let i = 0; n - i > 16; i += 16) h = fold(r8(i) ^ K1, r8(i + 8) ^ h);
  let a = 0n;
  let b = 0n;
  if (n >= 8) {
    a = n >= 16 ? r8(n - 16) : r8(0);
    b = r8(n - 8);
  } else if (n >= 4) {
    a = r4(0);
    b = r4(n - 4);
  } else if (n > 0) {
    a = (r1(0) << 16n) | (r1(n >> 1) << 8n) | r1(n - 1);
  }
  return fold(K2 ^ BigInt(n), fold(a ^ K1, b ^ h));
}
