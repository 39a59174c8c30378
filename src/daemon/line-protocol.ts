/** JSON lines on one connection: a table of operations (control.ts) as a Protocol. */
import { VriftError, toVriftError } from "../platform/errors.js";
import { LineReader } from "../protocol/line-reader.js";
import type { Protocol } from "./connection.js";
import type { OperationName, Operations, ReplyOf, RequestOf } from "./control.js";

/** Each operation checks the fields it was sent; the table only pairs names with them. */
export type OperationTable<T extends Operations<T>> = {
  readonly [K in OperationName<T>]: (request: RequestOf<T, K>) => Promise<ReplyOf<T, K>>;
};

type AnyOperation = (request: object) => Promise<object>;

export function lineProtocol<T extends Operations<T>>(table: OperationTable<T>): Protocol<string> {
  const operations = table as unknown as Readonly<Record<string, AnyOperation>>;
  return {
    reader: new LineReader(),
    answer: async (line) => toLine(await answerLine(line, operations)),
    refuse: (error) => toLine(failure(error)),
    ended: () => undefined,
  };
}

async function answerLine(line: string, operations: Readonly<Record<string, AnyOperation>>): Promise<object> {
  try {
    const { op, ...request } = parseRequest(line);
    const operation = Object.hasOwn(operations, op) ? operations[op] : undefined;
    if (operation === undefined)
      throw new VriftError("ENOSYS", `there is no operation ${JSON.stringify(op)}`);
    return { ok: true, ...(await operation(request)) };
  } catch (error) {
    return failure(error);
  }
}

function parseRequest(line: string): { readonly op: string } {
  let request: unknown;
  try {
    request = JSON.parse(line);
  } catch (error) {
    throw new VriftError("EBADMSG", "the line is not JSON", { cause: error });
  }
  if (typeof request !== "object" || request === null || !("op" in request))
    throw new VriftError("EBADMSG", "the line is not an object with an op");
  if (typeof request.op !== "string")
    throw new VriftError("ENOSYS", `there is no operation ${JSON.stringify(request.op)}`);
  return request as { op: string };
}

export function text(value: unknown, field: string): string {
  if (typeof value !== "string") throw new VriftError("EINVAL", `${field} is not a text`);
  return value;
}

function failure(error: unknown): object {
  const { code, message } = toVriftError(error);
  return { ok: false, code, message };
}

function toLine(reply: object): Buffer {
  return Buffer.from(`${JSON.stringify(reply)}\n`);
}
