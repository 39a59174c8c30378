/** Field offsets by name, from the tables of layout.ts. */
import type { Struct } from "./layout.js";

/** A function from field names to byte offsets; an unknown name is a bug of ours. */
export function offsetsOf(struct: Struct): (name: string) => number {
  const offsets = new Map(struct.fields.map((field) => [field.name, field.offset]));
  return (name) => {
    const offset = offsets.get(name);
    if (offset === undefined) throw new Error(`${struct.name} has no field ${name}`);
    return offset;
  };
}
