/**
 * The programs of native/Makefile that check native code from inside. They are made when a source is newer, once for all
 * tests and every version of Node.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { madeFolder, makeNative } from "./make-native.js";

/** Compiled sooner than with -O2, which also optimises away some of what UBSan would see. */
const SANITIZE = "-O1 -fsanitize=address,undefined -fno-sanitize-recover=all";

export type CheckingProgram =
  | "index_check"
  | "index_torture"
  | "inception_check"
  | "wire_client"
  | "fuzz_index"
  | "fuzz_export"
  | "fuzz_library";

/** Paths of the programs with AddressSanitizer and UBSan; undefined where the compiler does not have them. */
export function sanitizedPrograms<Name extends CheckingProgram>(
  names: readonly Name[],
): Record<Name, string> | undefined {
  const made = make("sanitized", names, SANITIZE);
  return made.failure === undefined ? made.paths : undefined;
}

/** Paths of the programs as they are; fails when they cannot be compiled. */
export function plainPrograms<Name extends CheckingProgram>(names: readonly Name[]): Record<Name, string> {
  const made = make("checked", names, "");
  assert.equal(made.failure, undefined);
  return made.paths;
}

/** With the sanitizers where the compiler has them: the checks themselves do not need them. */
export function checkingPrograms<Name extends CheckingProgram>(names: readonly Name[]): Record<Name, string> {
  return sanitizedPrograms(names) ?? plainPrograms(names);
}

function make<Name extends CheckingProgram>(
  folder: string,
  names: readonly Name[],
  sanitize: string,
): { paths: Record<Name, string>; failure: string | undefined } {
  const checked = `../build/native/${folder}`;
  const failure = makeNative([
    `CHECKED=${checked}`,
    `SANITIZE=${sanitize}`,
    ...names.map((name) => `${checked}/${name}`),
  ]);
  const paths = Object.fromEntries(names.map((name) => [name, join(madeFolder, folder, name)]));
  return { paths: paths as Record<Name, string>, failure };
}
