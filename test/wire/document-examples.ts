/** The examples of docs/protocol.md, for every program that runs them. */
import { readFileSync } from "node:fs";

export interface Example {
  /** The word after the fence: request, response, request-refused, frames… */
  readonly language: string;
  readonly hex: string;
  /** The last line, when it is not hexadecimal: JSON, or the text of an error. */
  readonly result: string;
}

export const protocolPage = readFileSync(new URL("../../../docs/protocol.md", import.meta.url), "utf8");

export const examples: readonly Example[] = [...protocolPage.matchAll(/^```(\S+)\n(.*?)^```$/gms)].map(
  ([, language, text]) => readExample(language!, text!),
);

function readExample(language: string, text: string): Example {
  const lines = text.trimEnd().split("\n");
  const result = language === "frames" ? "" : (lines.pop() ?? "");
  const hex = lines.map((line) => line.replace(/;.*/, "").replaceAll(" ", "")).join("");
  return { language, hex, result };
}
