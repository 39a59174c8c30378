/** BLAKE3, the one importer of the library that computes it. */
import { blake3, Blake3Hasher } from "@napi-rs/blake-hash";

export const HASH_SIZE = 32;

export function hashBytes(bytes: Uint8Array): Buffer {
  return blake3(bytes);
}

/** Incremental BLAKE3. */
export class ContentHasher {
  readonly #hasher = new Blake3Hasher();

  update(bytes: Uint8Array): void {
    this.#hasher.update(bytes);
  }

  /** 32 bytes. */
  digest(): Buffer {
    return this.#hasher.digestBuffer();
  }
}

/** The hash of no bytes. */
export const EMPTY_HASH: Uint8Array = hashBytes(new Uint8Array(0));

export function hashToHex(hash: Uint8Array): string {
  return Buffer.from(hash.buffer, hash.byteOffset, hash.byteLength).toString("hex");
}

/** undefined when `hex` is not 64 lower-case hexadecimal digits. */
export function hashFromHex(hex: string): Buffer | undefined {
  return /^[0-9a-f]{64}$/.test(hex) ? Buffer.from(hex, "hex") : undefined;
}
