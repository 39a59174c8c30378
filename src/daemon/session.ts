/** The specified protocol on a project's own socket: bound to the project from the start. */
import { realpathSync } from "node:fs";
import { VriftError } from "../platform/errors.js";
import { HASH_SIZE } from "../platform/hash.js";
import { decodeRequest } from "../protocol/decode.js";
import { encodeResponse } from "../protocol/encode.js";
import { FrameReader, encodeFrame } from "../protocol/frame.js";
import type { VeloRequest, VeloResponse } from "../protocol/messages.js";
import type { ContentStore, Lease } from "../store/store.js";
import type { Workspace } from "../workspace/workspace.js";
import type { Carried, Protocol } from "./connection.js";
import type { FlockOwner } from "./flock-table.js";
import type { Service, SessionState } from "./handlers.js";
import { answer, assertMayRegister, errorResponse } from "./handlers.js";
import { answerFromIndex } from "./index-answer.js";
import { packSession } from "./session-passport.js";

export interface SessionOptions {
  /** Of the peer's process. */
  readonly uid: number;
  readonly service: Service;
  /** What the connection is bound to from the start. */
  readonly workspace: Workspace;
  readonly flocks: FlockOwner;
  /** What CasInsert has claimed on it in the process before, 32 bytes each. */
  readonly claimed?: Buffer | undefined;
}

export function sessionProtocol({
  uid,
  service,
  workspace,
  flocks,
  claimed,
}: SessionOptions): Protocol<Buffer> {
  const lease = claimed && leaseOf(claimed, service.store);
  const state: SessionState & { readonly flocks: FlockOwner } = {
    uid,
    workspace,
    lease,
    flocks,
    root: workspace.info.root,
  };
  /** What is being answered. */
  let current: Buffer | undefined;
  return {
    reader: new FrameReader(),
    answer: (payload) => {
      const known = answerFromIndex(payload, workspace);
      if (known !== undefined) return known;
      current = payload;
      return answerPayload(payload, state, service);
    },
    refuse: (error) => frameOf(errorResponse(error)),
    inputEnded: () => flocks.interrupt(),
    withdraw: () => (flocks.suspend() ? encodeFrame(current!) : undefined),
    carry: () => carry(state),
    ended: () => {
      state.lease?.release();
      flocks.releaseAll();
    },
  };
}

/** Claims and locks go on: this lease holds until the successor has one. */
function carry(state: SessionState & { readonly flocks: FlockOwner }): Carried | undefined {
  const { lease } = state;
  state.lease = undefined;
  const flocks = state.flocks.carry();
  if (lease === undefined && flocks === undefined) return undefined;
  return { bytes: packSession({ claimed: lease?.hashes(), flocks }), release: () => lease?.release() };
}

function leaseOf(claimed: Buffer, store: ContentStore): Lease {
  const lease = store.lease();
  for (let at = 0; at + HASH_SIZE <= claimed.length; at += HASH_SIZE)
    lease.add(claimed.subarray(at, at + HASH_SIZE));
  return lease;
}

/** A payload that does not decode is answered, and the connection goes on. */
async function answerPayload(payload: Buffer, state: SessionState, service: Service): Promise<Buffer> {
  let request: VeloRequest;
  try {
    request = decodeRequest(payload);
  } catch (error) {
    return frameOf(errorResponse(error));
  }
  return frameOf(
    request.type === "RegisterWorkspace"
      ? register(request.project_root, state)
      : await answer(request, state, service),
  );
}

/** Clients of the coordinator's socket send it out of habit; there is one answer, and as there it frees the locks. */
function register(root: string, { uid, workspace, flocks }: SessionState): VeloResponse {
  try {
    assertMayRegister(root, uid);
    const { id, root: ours } = workspace!.info;
    if (realpathSync.native(root) === ours) {
      flocks?.releaseAll();
      return { type: "RegisterAck", workspace_id: id };
    }
    throw new VriftError("EINVAL", `this socket serves ${ours}, not ${root}`);
  } catch (error) {
    return errorResponse(error);
  }
}

/** A reply over the frame limit (the listing of an enormous directory) becomes an EMSGSIZE. */
export function frameOf(response: VeloResponse): Buffer {
  try {
    return encodeFrame(encodeResponse(response));
  } catch (error) {
    return encodeFrame(encodeResponse(errorResponse(error)));
  }
}
