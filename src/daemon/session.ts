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
import type { Service, SessionState } from "./handlers.js";
import { answer, assertMayRegister, errorResponse } from "./handlers.js";
import { answerFromIndex } from "./index-answer.js";

/**
 * @param uid of the peer's process. @param workspace what the connection is bound to from the start.
 * @param claimed what CasInsert has claimed on it in the process before, 32 bytes each.
 */
export function sessionProtocol(
  uid: number,
  service: Service,
  workspace: Workspace,
  claimed?: Buffer,
): Protocol<Buffer> {
  const state: SessionState = { uid, workspace, lease: claimed && leaseOf(claimed, service.store) };
  return {
    reader: new FrameReader(),
    answer: (payload) => answerFromIndex(payload, workspace) ?? answerPayload(payload, state, service),
    refuse: (error) => frameOf(errorResponse(error)),
    carry: () => carryLease(state),
    ended: () => state.lease?.release(),
  };
}

/** The claims go on: this lease holds until the successor has one. */
function carryLease(state: SessionState): Carried | undefined {
  const { lease } = state;
  state.lease = undefined;
  return lease && { bytes: lease.hashes(), release: () => lease.release() };
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

/** Clients of the coordinator's socket send it out of habit; there is one answer. */
function register(root: string, { uid, workspace }: SessionState): VeloResponse {
  try {
    assertMayRegister(root, uid);
    const { id, root: ours } = workspace!.info;
    if (realpathSync.native(root) === ours) return { type: "RegisterAck", workspace_id: id };
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
