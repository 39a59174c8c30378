/**
 * One connection to vriftd. It answers for the home (Handshake, Status, RegisterWorkspace, content); of a manifest request it
 * reads the tag and hands the rest to the project (forwarding.ts). Locks are the project's, too: of those that it holds for the
 * connection this knows so much that whoever has lost them, because the project's process has ended, loses the connection.
 */
import { toVriftError, VriftError } from "../platform/errors.js";
import { decodeRequest, decodeResponse } from "../protocol/decode.js";
import { encodeRequest } from "../protocol/encode.js";
import { pathToKey } from "../protocol/key.js";
import { FrameReader, encodeFrame } from "../protocol/frame.js";
import type { VeloRequest, VeloResponse } from "../protocol/messages.js";
import { requests } from "../protocol/schema.js";
import type { RequestName } from "../protocol/schema.js";
import type { IndexAnswers } from "../vdir/shared-index.js";
import type { WorkspaceInfo } from "../workspace/workspace.js";
import type { Protocol } from "./connection.js";
import { Forwarding } from "./forwarding.js";
import { answer, assertMayRegister, errorResponse } from "./handlers.js";
import type { Service, SessionState } from "./handlers.js";
import { LOCK_NB, LOCK_UN } from "./flock-table.js";
import { answerFromIndex } from "./index-answer.js";
import type { ProjectProcess } from "./project-process.js";
import type { Binding } from "./projects.js";
import { frameOf } from "./session.js";
import { UnderWay } from "./under-way.js";
import type { Upstreams } from "./upstreams.js";

/** Where an open project is served. */
export type ServedProject = Pick<ProjectProcess, "info" | "socket">;

export interface FrontService extends Service {
  open(root: string): Promise<ServedProject>;
  bind(info: WorkspaceInfo): Binding;
  readonly upstreams: Upstreams;
}

interface Route {
  readonly name: RequestName;
  readonly isRead: boolean;
}

/** And what may be asked twice as well: locks of a process that has ended are free. */
const READS: ReadonlySet<RequestName> = new Set(["ManifestGet", "ManifestListDir", "FlockRelease"]);

/** Requests for the project, by tag. */
const forwarded: ReadonlyMap<number, Route> = new Map(
  Object.entries(requests)
    .filter(([name]) => name.startsWith("Manifest") || name.startsWith("Flock"))
    .map(([name, { tag }]) => [tag, { name: name as RequestName, isRead: READS.has(name as RequestName) }]),
);

/** Requests of one connection that may be under way at once: enough to keep a project busy over a round trip. */
const IN_FLIGHT = 256;

export function frontProtocol(uid: number, service: FrontService): Protocol<Buffer> {
  const session = new FrontSession(uid, service);
  return {
    reader: new FrameReader(),
    inFlight: IN_FLIGHT,
    sizeOf: (payload) => payload.length,
    answer: (payload) => session.answer(payload),
    refuse: (error) => frameOf(errorResponse(error)),
    began: (end) => (session.onLocksLost = end),
    inputEnded: (begun) => {
      if (begun) session.finish();
    },
    ended: () => session.end(),
  };
}

class FrontSession {
  readonly #service: FrontService;
  readonly #state: SessionState;
  #project: BoundProject | undefined;
  /** While it is pending, later requests wait: they need what it changes. */
  #barrier: Promise<void> | undefined;
  /** Content that the project's process is putting into the store. */
  readonly #taking = new UnderWay();
  /** And claims besides, whose verification may take content out of it. */
  readonly #changing = new UnderWay();
  /** Called when the project's process has ended that held locks for the connection. */
  onLocksLost: () => void = () => undefined;

  constructor(uid: number, service: FrontService) {
    this.#service = service;
    this.#state = { uid, workspace: undefined, lease: undefined };
  }

  /** The reply's frame: at once when the project's index knows it and nothing of this connection is under way that could change it. */
  answer(payload: Buffer): Buffer | Promise<Buffer> {
    if (this.#barrier === undefined && this.#project?.forwarding.unanswered === 0) {
      const known = answerFromIndex(payload, this.#project.index);
      if (known !== undefined) {
        this.#project.used();
        return known;
      }
    }
    if (this.#barrier === undefined && this.#project?.forwarding.recovering)
      this.#holdUntil(this.#project.forwarding.settled());
    return this.#barrier === undefined
      ? this.#answerNow(payload)
      : this.#barrier.then(() => this.answer(payload));
  }

  /** Every request of the connection is under way, and there will be no more. */
  finish(): void {
    if (this.#barrier === undefined) this.#project?.forwarding.finish();
  }

  end(): void {
    this.#project?.end();
    this.#state.lease?.release();
  }

  async #answerNow(payload: Buffer): Promise<Buffer> {
    const route = payload.length >= 4 ? forwarded.get(payload.readUInt32LE(0)) : undefined;
    try {
      if (route !== undefined) return await this.#forward(payload, route);
      const request = decodeRequest(payload);
      return frameOf(await this.#answerOwn(request));
    } catch (error) {
      return frameOf(errorResponse(toVriftError(error)));
    }
  }

  async #forward(payload: Buffer, { name, isRead }: Route): Promise<Buffer> {
    if (this.#project === undefined) {
      decodeRequest(payload);
      throw new VriftError("EINVAL", "the connection has no workspace; send RegisterWorkspace first");
    }
    const project = this.#project;
    const sent = project.forwarding.send({
      payload,
      name,
      isRead,
      holds: name === "FlockAcquire",
    });
    if (name === "ManifestReingest") this.#takes(sent);
    const reply = await sent;
    if (name === "FlockAcquire" || name === "FlockRelease") project.noteLock(payload, reply);
    return encodeFrame(reply);
  }

  #answerOwn(request: VeloRequest): Promise<VeloResponse> {
    switch (request.type) {
      case "RegisterWorkspace":
        return this.#holding(this.#register(request.project_root));
      case "CasInsert": {
        const claim = this.#after(this.#taking, request);
        this.#changing.add(claim);
        return claim;
      }
      case "CasGet":
        return this.#after(this.#changing, request);
      case "CasSweep":
        return this.#holding(this.#after(this.#taking, request));
      case "Protect":
        return this.#protect(request);
      default:
        return answer(request, this.#state, this.#service);
    }
  }

  /** Behind what this connection has asked the project's process to do to the tree, and that behind it behind it. */
  #protect(request: VeloRequest): Promise<VeloResponse> {
    const project = this.#project;
    const now = (): Promise<VeloResponse> =>
      answer(request, { ...this.#state, root: project?.root }, this.#service);
    return project === undefined ? now() : this.#holding(project.forwarding.settled().then(now));
  }

  /** Behind what this connection has asked the project's process to do to the store, and those behind it behind it. */
  #after({ settled }: UnderWay, request: VeloRequest): Promise<VeloResponse> {
    const now = (): Promise<VeloResponse> => answer(request, this.#state, this.#service);
    return settled === undefined ? now() : this.#holding(settled.then(now));
  }

  #takes(work: Promise<unknown>): void {
    this.#taking.add(work);
    this.#changing.add(work);
  }

  #holding<T>(work: Promise<T>): Promise<T> {
    this.#holdUntil(work);
    return work;
  }

  async #register(root: string): Promise<VeloResponse> {
    assertMayRegister(root, this.#state.uid);
    await this.#project?.forwarding.settled();
    const { info } = await this.#service.open(root);
    await this.#project?.unlock();
    this.#project?.end();
    this.#project = new BoundProject(info, this.#service, () => this.onLocksLost());
    return { type: "RegisterAck", workspace_id: info.id };
  }

  #holdUntil(done: Promise<unknown>): void {
    const barrier = done.then(
      () => undefined,
      () => undefined,
    );
    this.#barrier = barrier;
    void barrier.then(() => {
      if (this.#barrier === barrier) this.#barrier = undefined;
    });
  }
}

class BoundProject {
  readonly forwarding: Forwarding;
  readonly #service: FrontService;
  readonly root: string;
  /** Keys that may be locked for the connection. */
  readonly #locked = new Set<string>();
  #binding: Binding;

  /** @param onLocksLost the project's process has ended that held locks. */
  constructor(info: WorkspaceInfo, service: FrontService, onLocksLost: () => void) {
    this.#service = service;
    this.root = info.root;
    this.#binding = service.bind(info);
    this.forwarding = new Forwarding(() => this.#open(info.root));
    service.upstreams.add(this.forwarding);
    this.forwarding.onBreak = () => {
      if (this.#locked.size > 0) onLocksLost();
    };
  }

  noteLock(payload: Buffer, reply: Buffer): void {
    if (decodeResponse(reply).type !== "FlockAck") return;
    const request = decodeRequest(payload);
    if (request.type !== "FlockAcquire" && request.type !== "FlockRelease") return;
    const key = pathToKey(this.root, request.path);
    const isHeld = request.type === "FlockAcquire" && (request.operation & ~LOCK_NB) !== LOCK_UN;
    if (isHeld) this.#locked.add(key);
    else this.#locked.delete(key);
  }

  /** When it resolves, others may have the locks. */
  async unlock(): Promise<void> {
    const released = [...this.#locked].map((path) =>
      this.forwarding.send({
        payload: encodeRequest({ type: "FlockRelease", path }),
        name: "FlockRelease",
        isRead: true,
      }),
    );
    this.#locked.clear();
    await Promise.allSettled(released);
  }

  get index(): IndexAnswers {
    return this.#binding.index;
  }

  used(): void {
    this.#binding.used();
  }

  end(): void {
    this.#service.upstreams.remove(this.forwarding);
    this.forwarding.close();
    this.#binding.end();
  }

  /** It may have become phantom or solid meanwhile, with another index. */
  async #open(root: string): Promise<string> {
    const { info, socket } = await this.#service.open(root);
    if (info.index !== this.#binding.path) {
      this.#binding.end();
      this.#binding = this.#service.bind(info);
    }
    return socket;
  }
}
