/** Errors as a person reads them. */
import { isErrorCode, toVriftError, VriftError } from "../platform/errors.js";

export interface Failure {
  readonly text: string;
  readonly exitCode: number;
}

/** `vrift: CODE: sentence` and what to do next; for anything unforeseen, what a report needs. */
export function describeFailure(thrown: unknown): Failure {
  if (!(thrown instanceof VriftError) && !isErrorCode((thrown as NodeJS.ErrnoException | undefined)?.code)) {
    return { text: internal(thrown), exitCode: 1 };
  }
  const error = toVriftError(thrown);
  return {
    text: `vrift: ${error.code}: ${error.message}${cause(error)}\n  ${error.hint}`,
    exitCode: error.code === "VRIFT_USAGE" ? 2 : 1,
  };
}

/** The cause's own words, unless the sentence has them already. */
function cause(error: VriftError): string {
  const message = error.cause instanceof Error ? toVriftError(error.cause).message : undefined;
  return message === undefined ||
    error.code === "VRIFT_USAGE" ||
    error.message.includes(message) ||
    message.endsWith(error.message)
    ? ""
    : ` (${message})`;
}

function internal(thrown: unknown): string {
  const stack = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  return [
    `vrift: internal error: ${stack}`,
    "  This is a fault in vrift, and nothing in the tree depends on it. Please report it with the lines above,",
    `  the command, \`vrift --version\` and Node ${process.version}.`,
  ].join("\n");
}
