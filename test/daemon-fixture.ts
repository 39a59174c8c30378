/** A vriftd of its own home in a temporary directory, as a process, for tests. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { connect as connectSocket } from "node:net";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { connect } from "../src/client/client.js";
import type { VriftClient } from "../src/client/client.js";
import type { ControlClient } from "../src/client/control-client.js";
import { killNamed } from "../src/platform/process-state.js";
import { connectIfRunning } from "../src/daemon/start.js";
import { resolveHome } from "../src/platform/paths.js";
import type { Home } from "../src/platform/paths.js";
import { decodeResponse } from "../src/protocol/decode.js";
import { encodeRequest } from "../src/protocol/encode.js";
import { FrameReader, encodeFrame } from "../src/protocol/frame.js";
import type { VeloRequest, VeloResponse } from "../src/protocol/messages.js";
import { ownerOf } from "../src/workspace/owner-lock.js";
import { endProjects } from "./end-projects.js";
import { removeTree } from "./remove-tree.js";

const main = fileURLToPath(new URL("../src/daemon/main.js", import.meta.url));

export class DaemonFixture {
  readonly directory = realpathSync(mkdtempSync(join(tmpdir(), "vrift-daemon-")));
  readonly env: NodeJS.ProcessEnv;
  readonly home: Home;
  /** Real path of an empty directory. */
  readonly root = join(this.directory, "project");
  readonly #children: ChildProcess[] = [];
  readonly #closing: { close(): void }[] = [];

  constructor(extra: NodeJS.ProcessEnv = {}) {
    const { PATH, HOME } = process.env;
    this.env = { PATH, HOME, VRIFT_HOME: join(this.directory, "home"), ...extra };
    this.home = resolveHome(this.env);
    mkdirSync(this.root);
  }

  /** Does not wait for it. */
  spawn(): ChildProcess {
    const child = spawn(process.execPath, [main], { env: this.env, stdio: ["ignore", "ignore", "pipe"] });
    this.#children.push(child);
    return child;
  }

  /** Starts a daemon and waits until it answers. */
  async start(): Promise<ChildProcess> {
    const child = this.spawn();
    (await this.control()).close();
    return child;
  }

  async control(): Promise<ControlClient> {
    for (let attempt = 0; attempt < 1000; attempt++) {
      const client = await connectIfRunning(this.home);
      if (client !== undefined) {
        this.#closing.push(client);
        return client;
      }
      await wait(10);
    }
    throw new Error("the daemon does not answer");
  }

  client(): VriftClient {
    const client = connect({ socketPath: this.home.daemonSocket });
    this.#closing.push(client);
    return client;
  }

  async raw(): Promise<RawConnection> {
    const socket = connectSocket({ path: this.home.daemonSocket });
    await once(socket, "connect");
    const raw = new RawConnection(socket);
    this.#closing.push(raw);
    return raw;
  }

  async close(): Promise<void> {
    for (const one of this.#closing) one.close();
    for (const child of this.#children) await killed(child);
    // A successor is nobody's child.
    const owner = ownerOf(this.home.daemonLock);
    if (owner !== undefined) await killNamed(owner, "vriftd");
    await endProjects(this.home.root);
    // Of a home with a long path it is elsewhere.
    rmSync(dirname(this.home.controlSocket), { recursive: true, force: true });
    // One that has handed over may be about to end, with a last line for its log.
    removeTree(this.directory);
  }
}

/** kill -9, and waits until the kernel has dropped what it held. */
export async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, "exit");
  child.kill("SIGKILL");
  await exit;
}

export async function exitCode(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  return child.exitCode;
}

/** Bytes as somebody hostile sends them, and the replies. */
export class RawConnection {
  readonly socket: Socket;
  readonly #replies: AsyncGenerator<VeloResponse, void>;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("error", () => undefined);
    this.#replies = replies(socket);
  }

  send(request: VeloRequest): void {
    this.socket.write(encodeFrame(encodeRequest(request)));
  }

  /** undefined: the daemon has closed the connection. */
  async reply(): Promise<VeloResponse | undefined> {
    return (await this.#replies.next()).value ?? undefined;
  }

  async call(request: VeloRequest): Promise<VeloResponse | undefined> {
    this.send(request);
    return this.reply();
  }

  close(): void {
    this.socket.destroy();
  }
}

async function* replies(socket: Socket): AsyncGenerator<VeloResponse, void> {
  const reader = new FrameReader();
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    reader.push(chunk);
    for (let payload = reader.next(); payload !== undefined; payload = reader.next())
      yield decodeResponse(payload);
  }
}
