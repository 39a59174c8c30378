/**
 * Damaged frames against the decoders and against live daemons (vriftd, and the project's process on its own socket). What is claimed:
 *
 *   - a decoder gives a message or EBADMSG, and a message is the same again after encoding and decoding;
 *   - a daemon answers every whole frame, in order, with EBADMSG exactly when ours refuses it; after a length over the limit it says EMSGSIZE and
 *     ends the connection; it never dies, and its memory stays;
 *   - a well-behaved client is answered all the while.
 *
 * An input that shows what none before has shown (a message of another kind, another refusal) joins the corpus.
 */
import { once } from "node:events";
import { existsSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { workspacePaths } from "../../src/platform/paths.js";
import { VriftError } from "../../src/platform/errors.js";
import { FRAME_MAX } from "../../src/platform/limits.js";
import { decodeMessage } from "../../src/protocol/decode.js";
import { encodeMessage, encodeRequest } from "../../src/protocol/encode.js";
import { encodeFrame } from "../../src/protocol/frame.js";
import type { VeloRequest, VeloResponse } from "../../src/protocol/messages.js";
import type { MessageKind } from "../../src/protocol/schema.js";
import { ownerOf } from "../../src/workspace/owner-lock.js";
import { DaemonFixture, RawConnection } from "../daemon-fixture.js";
import { below, randomMessage, seededRandom } from "../random-message.js";
import type { Random } from "../random-message.js";
import { damaged } from "./damage.js";

/** Frames on one connection; then another one, so that locks and bindings end. */
const BATCH = 1000;
/** Of so many batches one goes to a daemon, which takes ten times as long as the decoders, and all to those. */
const LIVE_EVERY = 10;
const CORPUS_MAX = 2000;

export interface FuzzReport {
  frames: number;
  seed: number;
  /** Of them, sent to daemons. */
  live: number;
  connections: number;
  /** Damaged frames that were messages all the same. */
  decoded: number;
  refused: number;
  /** Connections that ended with a damaged length. */
  cutLengths: number;
  /** Messages that were not sent, because they would reach out of the test's directory. */
  withheld: number;
  newInCorpus: number;
  rssMiB: { vriftd: [before: number, after: number]; vdir_d: [before: number, after: number] };
  wellBehaved: number;
  seconds: number;
}

export async function fuzzWire(frames: number, seed: number, corpus: Set<string>): Promise<FuzzReport> {
  const fixture = new DaemonFixture({ VRIFT_IDLE_SECONDS: "600" });
  try {
    return await new Fuzz(fixture, frames, seed, corpus).run();
  } finally {
    await fixture.close();
  }
}

interface Sent {
  readonly payload: Buffer;
  /** By our decoder. */
  readonly isMessage: boolean;
}

class Fuzz {
  readonly #t: DaemonFixture;
  readonly #random: Random;
  readonly #corpus: Set<string>;
  readonly #inputs: Buffer[];
  readonly #signatures = new Set<string>();
  readonly #report: FuzzReport;

  constructor(t: DaemonFixture, frames: number, seed: number, corpus: Set<string>) {
    this.#t = t;
    this.#random = seededRandom(seed);
    this.#corpus = corpus;
    this.#inputs = [...corpus].map((hex) => Buffer.from(hex, "hex"));
    for (const input of this.#inputs)
      for (const kind of ["request", "response"] as const) this.#decode(kind, input);
    this.#report = {
      frames, seed, live: 0, connections: 0, decoded: 0, refused: 0, cutLengths: 0, withheld: 0, newInCorpus: 0,
      rssMiB: { vriftd: [0, 0], vdir_d: [0, 0] }, wellBehaved: 0, seconds: 0,
    }; // prettier-ignore
  }

  async run(): Promise<FuzzReport> {
    const started = Date.now();
    await this.#t.start();
    const good = this.#t.client();
    const id = await good.register(this.#t.root);
    const sockets = [this.#t.home.daemonSocket, workspacePaths(this.#t.home, id).socket];
    const owners = (): (number | undefined)[] =>
      [this.#t.home.daemonLock, workspacePaths(this.#t.home, id).lock].map(ownerOf);
    const [before, rss] = [owners(), this.#report.rssMiB];
    // The first batches fill pools and caches.
    for (let made = 0, batch = 0; made < this.#report.frames; made += BATCH, batch++) {
      const payloads = Array.from({ length: Math.min(BATCH, this.#report.frames - made) }, () =>
        this.#payload(),
      );
      if (batch % LIVE_EVERY !== 0) continue;
      const turn = batch / LIVE_EVERY;
      await this.#send(sockets[turn % 2]!, payloads);
      if (turn === 9) [rss.vriftd[0], rss.vdir_d[0]] = await this.#rss();
      if ((await good.get("no such file")) !== null || !(await good.status()).startsWith("ready"))
        throw new Error("a well-behaved client gets other answers");
      this.#report.wellBehaved += 2;
    }
    [rss.vriftd[1], rss.vdir_d[1]] = await this.#rss();
    if (owners().join() !== before.join())
      throw new Error(`daemons ${before.join()} are now ${owners().join()}`);
    this.#report.seconds = (Date.now() - started) / 1000;
    return this.#report;
  }

  async #send(path: string, payloads: readonly Sent[]): Promise<void> {
    const socket = connect({ path });
    await once(socket, "connect");
    const raw = new RawConnection(socket);
    this.#report.connections++;
    this.#report.live += payloads.length;
    await raw.call({ type: "RegisterWorkspace", project_root: this.#t.root });
    const frames = payloads.map(({ payload }) => encodeFrame(payload));
    const cut = this.#random() < 0.5 ? this.#badLength() : undefined;
    if (cut !== undefined) frames.push(cut);
    const bytes = Buffer.concat(frames);
    for (let at = 0; at < bytes.length;) {
      const end = at + 1 + below(this.#random, 50_000);
      socket.write(bytes.subarray(at, end));
      at = end;
    }
    socket.end();
    for (const sent of payloads) this.#compare(sent, await raw.reply());
    await this.#conclude(raw, cut);
  }

  #compare({ payload, isMessage }: Sent, reply: VeloResponse | undefined): void {
    const fail = (why: string): never => {
      throw new Error(`seed ${this.#report.seed}: ${payload.toString("hex")}: ${why}`);
    };
    if (reply === undefined) return fail("no reply");
    const isRefusal = reply.type === "Error" && reply.message.startsWith("EBADMSG:");
    if (isMessage === isRefusal)
      fail(
        `answered with ${JSON.stringify(reply, (_, v: unknown) => (typeof v === "bigint" ? String(v) : v))}`,
      );
  }

  /** After the last frame: the end, and before it what a damaged length gets. */
  async #conclude(raw: RawConnection, cut: Buffer | undefined): Promise<void> {
    if (cut !== undefined) {
      this.#report.cutLengths++;
      const length = cut.readUInt32LE(0);
      const reply = length > FRAME_MAX || length === 0 ? await raw.reply() : undefined;
      const expected = length > FRAME_MAX ? "EMSGSIZE" : length === 0 ? "EBADMSG" : undefined;
      const code = reply?.type === "Error" ? reply.message.split(":")[0] : reply?.type;
      if (code !== expected)
        throw new Error(`seed ${this.#report.seed}: length ${length} is answered with ${code}`);
    }
    if ((await raw.reply()) !== undefined) throw new Error(`seed ${this.#report.seed}: a reply too many`);
    raw.close();
  }

  /** 0 is a whole empty frame; others are longer than what follows, or than anything may be. */
  #badLength(): Buffer {
    const lengths = [0, 41, FRAME_MAX, FRAME_MAX + 1, 0x7fff_ffff, 0xffff_ffff];
    const frame = Buffer.alloc(4 + 40);
    frame.writeUInt32LE(lengths[below(this.#random, lengths.length)]!);
    return frame.readUInt32LE(0) === 0 ? frame.subarray(0, 4) : frame;
  }

  #payload(): Sent {
    for (;;) {
      const payload = damaged(this.#base(), this.#base(), this.#random);
      this.#learn("response", payload);
      const request = this.#learn("request", payload) as VeloRequest | undefined;
      if (request === undefined) this.#report.refused++;
      else this.#report.decoded++;
      if (this.#mayBeSent(request)) return { payload, isMessage: request !== undefined };
      this.#report.withheld++;
    }
  }

  #base(): Buffer {
    const dice = this.#random();
    if (dice < 0.4 && this.#inputs.length > 0) return this.#inputs[below(this.#random, this.#inputs.length)]!;
    return encodeRequest(dice < 0.7 ? this.#tame() : (randomMessage("request", this.#random) as VeloRequest));
  }

  /** Requests that the daemons take seriously, about names of which few exist. */
  #tame(): VeloRequest {
    const { root, directory } = this.#t;
    const path = ["a", "a/b", "", "x/../a", root, join(root, "a"), "é\n", "c".repeat(255)][
      below(this.#random, 8)
    ]!;
    const hash = Buffer.alloc(32, below(this.#random, 3));
    const entry = {
      content_hash: hash,
      size: BigInt(below(this.#random, 2)),
      mtime: 5n,
      mode: 0o644,
      flags: below(this.#random, 4),
    };
    const all: VeloRequest[] = [
      { type: "Handshake", client_version: "0.1.0" },
      { type: "Status" },
      { type: "RegisterWorkspace", project_root: root },
      { type: "ManifestGet", path },
      { type: "ManifestUpsert", path, entry },
      { type: "ManifestRemove", path },
      { type: "ManifestRename", old_path: path, new_path: "b" },
      { type: "ManifestUpdateMtime", path, mtime_ns: 7n },
      { type: "ManifestReingest", vpath: path, temp_path: join(directory, "no such file") },
      { type: "ManifestListDir", path },
      { type: "CasInsert", hash, size: 1n },
      { type: "CasGet", hash },
      { type: "CasSweep", bloom_filter: Buffer.alloc(below(this.#random, 9), 255) },
      { type: "FlockAcquire", path, operation: below(this.#random, 16) },
      { type: "FlockRelease", path },
      { type: "Spawn", command: ["no such program"], env: [["PATH", directory]], cwd: root },
      { type: "Protect", path, immutable: false, owner: null },
    ];
    return all[below(this.#random, all.length)]!;
  }

  /** Damage may make a good request of one that reaches further than the test may. */
  #mayBeSent(request: VeloRequest | undefined): boolean {
    const { root, directory } = this.#t;
    switch (request?.type) {
      case "RegisterWorkspace":
        return request.project_root === root || !existsSync(request.project_root.replaceAll("\0", "?"));
      case "Spawn":
        return (
          request.env.every(([, value]) => value === directory) && !(request.command[0] ?? "").startsWith("/")
        );
      case "ManifestReingest":
        return !request.temp_path.startsWith("/") || request.temp_path.startsWith(directory);
      case "Protect":
        return !request.immutable && request.owner === null;
      default:
        return true;
    }
  }

  /** What it is; undefined: refused. */
  #learn(kind: MessageKind, payload: Buffer): VeloRequest | VeloResponse | undefined {
    const known = this.#signatures.size;
    const message = this.#decode(kind, payload);
    if (this.#signatures.size > known && this.#corpus.size < CORPUS_MAX) this.#keep(payload);
    return message;
  }

  #keep(payload: Buffer): void {
    const hex = payload.toString("hex");
    if (this.#corpus.has(hex)) return;
    this.#corpus.add(hex);
    this.#inputs.push(payload);
    this.#report.newInCorpus++;
  }

  /** undefined: refused. */
  #decode(kind: MessageKind, payload: Buffer): VeloRequest | VeloResponse | undefined {
    let message: VeloRequest | VeloResponse;
    try {
      message = decodeMessage(kind, payload);
    } catch (error) {
      if (!(error instanceof VriftError) || error.code !== "EBADMSG") throw error;
      this.#signatures.add(`${kind} ${error.message.replace(/\d+/g, "N")}`);
      return undefined;
    }
    const again = encodeMessage(kind, message);
    // A decoder ignores what follows a whole message.
    if (!again.equals(payload.subarray(0, again.length)))
      throw new Error(`${kind} ${payload.toString("hex")} is ${again.toString("hex")} again`);
    this.#signatures.add(`${kind} ${message.type}${again.length < payload.length ? " and more" : ""}`);
    return message;
  }

  async #rss(): Promise<[number, number]> {
    const control = await this.#t.control();
    const { rssBytes, workspaces } = await control.call("status", {});
    control.close();
    const project = workspaces[0] as { process?: { rssBytes: number } } | undefined;
    return [rssBytes, project?.process?.rssBytes ?? 0].map((bytes) => Math.round(bytes / 2 ** 20)) as [
      number,
      number,
    ];
  }
}
