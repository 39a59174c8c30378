/** Lists of roots that cannot be read. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { toVriftError } from "../platform/errors.js";
import { holdsContent, storeLayout } from "./blob-names.js";
import { RootsReader } from "./roots-reader.js";
import { Turns } from "./turns.js";

export interface DamagedList {
  readonly name: string;
  readonly reason: string;
}

export async function damagedLists(path: string): Promise<DamagedList[]> {
  const { roots } = storeLayout(path);
  const damaged: DamagedList[] = [];
  const turns = new Turns();
  for (const name of readdirSync(roots).filter(holdsContent).sort()) {
    try {
      const list = RootsReader.open(join(roots, name));
      try {
        await list?.read({ add: () => undefined }, turns);
      } finally {
        list?.close();
      }
    } catch (error) {
      damaged.push({ name, reason: toVriftError(error).message });
    }
  }
  return damaged;
}
