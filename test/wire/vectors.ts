/** test/data/wire.jsonl: written by Rust with serde and bincode 1.3, clean, cut, bit-flipped and with a tail. */
import { readFileSync } from "node:fs";
import type { MessageKind } from "../../src/protocol/schema.js";

export interface Vector {
  readonly kind: MessageKind;
  readonly damage: string;
  readonly hex: string;
  readonly ok: boolean;
  readonly again?: string;
}

const file = new URL("../../../test/data/wire.jsonl", import.meta.url);

export const vectors: readonly Vector[] = readFileSync(file, "utf8")
  .trimEnd()
  .split("\n")
  .map((line) => JSON.parse(line) as Vector);
