import { VriftError } from "../platform/errors.js";
import { suggest } from "./suggest.js";

export function unknownCommand(word: string, known: readonly string[]): VriftError {
  const meant = suggest(word, known);
  const question = meant ? `; did you mean \`vrift ${meant}\`?` : "";
  return new VriftError("VRIFT_USAGE", `there is no command ${JSON.stringify(word)}${question}`);
}
