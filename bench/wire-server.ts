/**
 * What the daemon's socket is compared with, on bare node:net: `node wire-server.js echo|parse SOCKET REPLY_BYTES`.
 * `echo` answers every chunk with one frame, as if it were one request; `parse` cuts the stream into frames and answers
 * each, all those of a chunk with one write.
 */
import { createServer } from "node:net";
import type { Socket } from "node:net";

const [kind, path, replyBytes] = process.argv.slice(2);
const reply = Buffer.alloc(Number(replyBytes));
reply.writeUInt32LE(reply.length - 4, 0);
// The tag of ManifestAck.
reply.writeUInt32LE(6, 4);

createServer((socket) => {
  socket.on("error", () => undefined);
  if (kind === "echo") socket.on("data", () => socket.write(reply));
  else parse(socket);
}).listen(path);

function parse(socket: Socket): void {
  let left: Buffer = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    const bytes = left.length === 0 ? chunk : Buffer.concat([left, chunk]);
    let at = 0;
    let count = 0;
    while (bytes.length - at >= 4) {
      const length = bytes.readUInt32LE(at);
      if (bytes.length - at < 4 + length) break;
      at += 4 + length;
      count += 1;
    }
    left = bytes.subarray(at);
    const replies = Buffer.allocUnsafe(count * reply.length);
    for (let i = 0; i < count; i++) reply.copy(replies, i * reply.length);
    socket.write(replies);
  });
}
