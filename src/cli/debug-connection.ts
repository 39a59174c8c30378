/** A connection for looking at the protocol itself: nothing is sent, retried or hidden but what is asked for. */
import { resolve } from "node:path";
import { Exchange } from "../client/exchange.js";
import { openSocket } from "../client/open-socket.js";
import { decodeResponse } from "../protocol/decode.js";
import { encodeRequest } from "../protocol/encode.js";
import { FrameReader, encodeFrame } from "../protocol/frame.js";
import type { VeloRequest, VeloResponse } from "../protocol/messages.js";
import { parseWireError } from "../protocol/wire-error.js";
import type { Context } from "./command.js";

export interface DebugConnection {
  readonly path: string;
  /** The reply whatever it is, `Error` too. @throws VriftError when the connection breaks or the reply does not decode. */
  call(message: VeloRequest): Promise<VeloResponse>;
  close(): void;
}

/** To --socket or the daemon's, which is not started; registers --root. @throws VriftError of connecting, or the daemon's. */
export async function debugConnection(context: Context): Promise<DebugConnection> {
  const path = resolve(context.cwd, context.value("socket") ?? context.home.daemonSocket);
  const exchange = new Exchange(await openSocket(path), new FrameReader());
  const call = async (message: VeloRequest): Promise<VeloResponse> =>
    decodeResponse(await exchange.send(encodeFrame(encodeRequest(message)), message.type));
  const root = context.value("root");
  if (root !== undefined) {
    const reply = await call({ type: "RegisterWorkspace", project_root: resolve(context.cwd, root) });
    if (reply.type === "Error") throw parseWireError(reply.message);
  }
  return { path, call, close: () => exchange.close() };
}
