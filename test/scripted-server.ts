/** A server that answers each decoded request as a test tells it, and notes what it got. */
import type { Socket } from "node:net";
import { testServer } from "./wire-server.js";
import { decodeRequest } from "../src/protocol/decode.js";
import { encodeResponse } from "../src/protocol/encode.js";
import { FrameReader, encodeFrame } from "../src/protocol/frame.js";
import type { VeloRequest, VeloResponse } from "../src/protocol/messages.js";

/** undefined: as every server does (Handshake, RegisterWorkspace), or not at all. A Buffer is sent as it is, no frame added. */
export type Answer = (
  message: VeloRequest,
  socket: Socket,
  connection: number,
) => VeloResponse | Buffer | undefined;

export interface ScriptedServer {
  readonly path: string;
  /** In the order of arrival. */
  readonly got: { readonly connection: number; readonly message: VeloRequest }[];
  readonly connections: Socket[];
  drop(): void;
  close(): Promise<void>;
}

/** @param path instead of one in a temporary directory; that of a server that was closed, say. */
export async function scriptedServer(answer: Answer, path?: string): Promise<ScriptedServer> {
  const got: ScriptedServer["got"] = [];
  let count = 0;
  const server = await testServer(
    (socket) => {
      const connection = count++;
      const reader = new FrameReader();
      socket.on("data", (chunk) => {
        reader.push(chunk);
        for (let payload = reader.next(); payload !== undefined; payload = reader.next()) {
          if (socket.destroyed) return;
          const message = decodeRequest(payload);
          got.push({ connection, message });
          const reply = answer(message, socket, connection) ?? greeting(message);
          if (reply !== undefined) socket.write("type" in reply ? replyFrame(reply) : reply);
        }
      });
    },
    path === undefined ? {} : { at: path },
  );
  return { ...server, got };
}

export function replyFrame(reply: VeloResponse): Buffer {
  return encodeFrame(encodeResponse(reply));
}

export function greeting(message: VeloRequest): VeloResponse | undefined {
  if (message.type === "Handshake") return { type: "HandshakeAck", server_version: "0.1.9" };
  if (message.type === "RegisterWorkspace")
    return { type: "RegisterAck", workspace_id: `id of ${message.project_root}` };
  return undefined;
}
