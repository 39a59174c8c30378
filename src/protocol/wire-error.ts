import { VriftError, isErrorCode } from "../platform/errors.js";

/** Reads the text of `Error(String)`, `CODE: sentence`. A code that the table does not have becomes EIO, the text kept whole. */
export function parseWireError(text: string): VriftError {
  const [, code, sentence] = /^([A-Z][A-Z0-9_]*): (.*)$/s.exec(text) ?? [];
  if (isErrorCode(code) && sentence !== undefined) return new VriftError(code, sentence);
  return new VriftError("EIO", text);
}
