/** Where a client's connections come from. */
import type { Exchange } from "./exchange.js";
import { greet } from "./greet.js";
import type { GreetOptions } from "./greet.js";

export interface Connection {
  readonly exchange: Exchange<Buffer>;
  /** The socket that answered. */
  readonly path: string;
  /** It is bound to the endpoint's own workspace from the start. */
  readonly bound: boolean;
}

export interface Endpoint {
  /** @throws VriftError as `greet`. */
  open(options: GreetOptions): Promise<Connection>;
}

/** One socket, whose connections are bound by RegisterWorkspace. */
export function socketEndpoint(path: string): Endpoint {
  return {
    open: async (options) => ({ exchange: await greet(path, options), path, bound: false }),
  };
}
