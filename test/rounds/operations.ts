/** What writer.ts does to its directory, one operation after the other, chosen by a seed from what is there; and what a kill may leave. Pure. */
import type { Random } from "../store/random.js";

/** Content of each file by its path; directories end with a slash and have none. */
export type State = Map<string, string>;

export type Operation =
  | {
      readonly kind: "create" | "rewrite" | "append" | "replace";
      readonly path: string;
      readonly text: string;
    }
  | { readonly kind: "remove"; readonly path: string }
  | { readonly kind: "rename"; readonly path: string; readonly to: string }
  | { readonly kind: "truncate"; readonly path: string; readonly size: number }
  | { readonly kind: "directory"; readonly path: string };

const MOST_FILES = 60;
const MOST_DIRECTORIES = 8;
const LONGEST = 6000;

/** @param number of the operation: it makes names and contents new. */
export function choose(state: State, number: number, random: Random): Operation {
  const files = [...state.keys()].filter((path) => !path.endsWith("/")).sort();
  const directories = ["", ...[...state.keys()].filter((path) => path.endsWith("/")).sort()];
  const text = `${number} `.repeat(1 + random.below(LONGEST / 5));
  const directory = directories[random.below(directories.length)]!;
  const fresh = `${directory}n${number}`;
  if (files.length < 5) return { kind: "create", path: fresh, text };
  const path = files[random.below(files.length)]!;
  switch (random.below(10)) {
    case 0:
    case 1:
      return files.length < MOST_FILES ? { kind: "create", path: fresh, text } : { kind: "remove", path };
    case 2:
      return { kind: "rewrite", path, text };
    case 3:
    case 4:
      return { kind: "append", path, text: `+${number}` };
    case 5:
      return { kind: "replace", path, text };
    case 6:
      return { kind: "remove", path };
    case 7:
      return { kind: "rename", path, to: fresh };
    case 8:
      return { kind: "truncate", path, size: random.below((state.get(path) ?? "").length + 1) };
    default:
      if (directories.length <= MOST_DIRECTORIES) return { kind: "directory", path: `d${number}/` };
      return {
        kind: "rename",
        path: directories.at(1 + random.below(directories.length - 1))!,
        to: `d${number}/`,
      };
  }
}

export const temporaryOf = (path: string): string => `${path}.tmp`;

/** What is there when it is done. */
export function applied(before: State, operation: Operation): State {
  const state = new Map(before);
  const { kind, path } = operation;
  switch (kind) {
    case "create":
    case "rewrite":
    case "replace":
      state.set(path, operation.text);
      if (kind === "replace") state.delete(temporaryOf(path));
      return state;
    case "append":
      return state.set(path, (state.get(path) ?? "") + operation.text);
    case "truncate":
      return state.set(path, (state.get(path) ?? "").slice(0, operation.size));
    case "remove":
      state.delete(path);
      return state;
    case "directory":
      return state.set(path, "");
    case "rename":
      for (const [name, text] of before) {
        if (name !== path && !(path.endsWith("/") && name.startsWith(path))) continue;
        state.delete(name);
        state.set(operation.to + name.slice(path.length), text);
      }
      return state;
  }
}

/** Why `seen` cannot be what the operation left when it was killed in it, or never begun; undefined: it can. */
export function impossible(before: State, operation: Operation, seen: State): string | undefined {
  const after = applied(before, operation);
  if (isSame(seen, before) || isSame(seen, after)) return undefined;
  const { kind, path } = operation;
  // Bytes come one after the other, behind what is kept.
  const target = kind === "replace" ? temporaryOf(path) : path;
  if (kind === "create" || kind === "rewrite" || kind === "append" || kind === "replace") {
    const text = seen.get(target);
    const whole = kind === "append" ? after.get(path)! : operation.text;
    const least = kind === "append" ? before.get(path)!.length : 0;
    const others = new Map(before);
    const left = new Map(seen);
    others.delete(target);
    left.delete(target);
    if (text !== undefined && text.length >= least && whole.startsWith(text) && isSame(others, left))
      return undefined;
  }
  return `${JSON.stringify(operation).slice(0, 200)} on ${difference(before, seen)}`;
}

function isSame(a: State, b: State): boolean {
  if (a.size !== b.size) return false;
  for (const [path, text] of a) if (b.get(path) !== text) return false;
  return true;
}

/** Names that are not alike, with the lengths and beginnings of what they have. */
export function difference(expected: State, seen: State): string {
  const show = (text: string | undefined): string =>
    text === undefined ? "nothing" : `${text.length} bytes "${text.slice(0, 12)}"`;
  const names = new Set([...expected.keys(), ...seen.keys()]);
  return [...names]
    .filter((name) => expected.get(name) !== seen.get(name))
    .slice(0, 6)
    .map((name) => `${name}: expected ${show(expected.get(name))}, seen ${show(seen.get(name))}`)
    .join("; ");
}
