/** A small server for client tests: a Unix socket in a temporary directory that answers each message as it is told. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

export interface TestServer {
  readonly path: string;
  readonly connections: Socket[];
  /** Ends every connection; the server goes on. */
  drop(): void;
  close(): Promise<void>;
}

/** @param serve called for each connection. @param at where to listen, instead of in a temporary directory; closing removes the directory. */
export async function testServer(
  serve: (socket: Socket) => void,
  { allowHalfOpen = false, at }: { readonly allowHalfOpen?: boolean; readonly at?: string } = {},
): Promise<TestServer> {
  const path = at ?? join(mkdtempSync(join(tmpdir(), "vrift-client-")), "s");
  const directory = dirname(path);
  mkdirSync(directory, { recursive: true });
  const connections: Socket[] = [];
  const server = createServer({ allowHalfOpen }, (socket) => {
    connections.push(socket);
    socket.on("error", () => undefined);
    serve(socket);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const drop = (): void => {
    for (const socket of connections.splice(0)) socket.destroy();
  };
  return {
    path,
    connections,
    drop,
    close: async () => {
      drop();
      await new Promise((resolve) => server.close(resolve));
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
