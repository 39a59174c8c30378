/**
 * A program that works in its directory until it is killed, and says each operation that it has completed on its output, by its number.
 * Arguments: directory, seed, number of the first operation.
 */
import {
  appendFileSync,
  mkdirSync,
  renameSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { Random } from "../store/random.js";
import { type Operation, applied, choose, temporaryOf } from "./operations.js";
import { readState } from "./read-state.js";

const [directory = ".", seed = "1", first = "1"] = process.argv.slice(2);
const at = (path: string): string => join(directory, path);

function perform(operation: Operation): void {
  const { kind, path } = operation;
  switch (kind) {
    case "create":
      return writeFileSync(at(path), operation.text, { flag: "wx" });
    case "rewrite":
      return writeFileSync(at(path), operation.text);
    case "append":
      return appendFileSync(at(path), operation.text);
    case "replace":
      writeFileSync(at(temporaryOf(path)), operation.text);
      return renameSync(at(temporaryOf(path)), at(path));
    case "remove":
      return unlinkSync(at(path));
    case "rename":
      return renameSync(at(path), at(operation.to));
    case "truncate":
      return truncateSync(at(path), operation.size);
    case "directory":
      return mkdirSync(at(path));
  }
}

let state = readState(directory);
for (let number = Number(first); ; number++) {
  const operation = choose(state, number, new Random(Number(seed) + number));
  perform(operation);
  state = applied(state, operation);
  writeSync(1, `${number}\n`);
}
