/** Payloads that have shown something once, a line of hex each: test/data/corpus/wire.hex. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";

const file = new URL("../../../test/data/corpus/wire.hex", import.meta.url);

export function wireCorpus(): Set<string> {
  return new Set(existsSync(file) ? readFileSync(file, "utf8").split("\n").filter(Boolean) : []); // prettier-ignore
}

export function keepWireCorpus(corpus: ReadonlySet<string>): void {
  writeFileSync(file, [...corpus].map((hex) => `${hex}\n`).join(""));
}
