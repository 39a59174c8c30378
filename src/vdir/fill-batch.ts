/** Names packed for native.indexFill: one call into C for thousands of entries instead of ten for each. */
import { VriftError } from "../platform/errors.js";
import type { IndexValue } from "../platform/native.js";
import { fillRecord } from "./layout.js";

const BATCH_BYTES = 1 << 20;
/** What a key may have; the format's own limit is 65,535. */
const KEY_MAX = 65_535;
const HASH_BYTES = 32;

export class FillBatch {
  readonly bytes = Buffer.allocUnsafe(BATCH_BYTES);
  readonly #view = new DataView(this.bytes.buffer, this.bytes.byteOffset, BATCH_BYTES);
  #length = 0;

  /** Bytes in use. */
  get length(): number {
    return this.#length;
  }

  clear(): void {
    this.#length = 0;
  }

  /**
   * Room for a record (struct vrift_fill_record) and its key, which the caller writes at once: where it begins, or -1 when it does not
   * fit. `reserved`, `key_length` and the NULs behind the key are there already. ENAMETOOLONG.
   */
  reserve(keyLength: number): number {
    if (keyLength > KEY_MAX) throw new VriftError("ENAMETOOLONG", `a key of ${keyLength} bytes is too long`);
    const at = this.#length;
    const keyEnd = at + fillRecord.size + keyLength;
    const end = (keyEnd + 7) & ~7;
    if (end > BATCH_BYTES) return -1;
    this.bytes.fill(0, keyEnd, end);
    this.#view.setUint16(at + 74, 0, true);
    this.#view.setUint32(at + 76, keyLength, true);
    this.#length = end;
    return at;
  }

  /** False, and nothing done, when there is no room for it. */
  add(key: string, value: IndexValue): boolean {
    const at = this.#length;
    const keyAt = at + fillRecord.size;
    // Three bytes is the most UTF-8 needs for a UTF-16 unit.
    if (keyAt + Math.min(key.length, KEY_MAX) * 3 + 8 > BATCH_BYTES) return false;
    const keyLength = key.length > KEY_MAX ? Infinity : this.bytes.write(key, keyAt);
    if (keyLength > KEY_MAX) throw new VriftError("ENAMETOOLONG", `the key ${key.slice(0, 80)}… is too long`);
    if (value.hash.length !== HASH_BYTES)
      throw new VriftError("EINVAL", `hash of ${key} is not ${HASH_BYTES} bytes`);
    const view = this.#view;
    view.setBigUint64(at, value.size, true);
    view.setBigInt64(at + 8, value.mtimeNs, true);
    view.setBigInt64(at + 16, value.ctimeNs, true);
    view.setBigUint64(at + 24, value.ino, true);
    this.bytes.set(value.hash, at + 32);
    view.setUint32(at + 64, value.mode, true);
    view.setUint32(at + 68, value.blocks, true);
    view.setUint16(at + 72, value.flags, true);
    view.setUint16(at + 74, 0, true);
    view.setUint32(at + 76, keyLength, true);
    const end = (keyAt + keyLength + 7) & ~7;
    this.bytes.fill(0, keyAt + keyLength, end);
    this.#length = end;
    return true;
  }
}
