/** The specified protocol on a project's own socket: bound to the project from the start. */
import { realpathSync } from "node:fs";
import { VriftError } from "../platform/errors.js";
import { decodeRequest } from "../protocol/decode.js";
import { encodeResponse } from "../protocol/encode.js";
import { FrameReader, encodeFrame } from "../protocol/frame.js";
import type { VeloRequest, VeloResponse } from "../protocol/messages.js";
import type { Workspace } from "../workspace/workspace.js";
import type { Protocol } from "./connection.js";
import type { Service, SessionState } from "./handlers.js";
import { answer, assertMayRegister, errorResponse } from "./handlers.js";

/** @param uid of the peer's process. @param workspace what the connection is bound to from the start. */
export function sessionProtocol(uid: number, service: Service, workspace: Workspace): Protocol<Buffer> {
  const state: SessionState = { uid, workspace, lease: undefined };
  return {
    reader: new FrameReader(),
    answer: async (payload) => frameOf(await answerPayload(payload, state, service)),
    refuse: (error) => frameOf(errorResponse(error)),
    ended: () => state.lease?.release(),
  };
}

/** A payload that does not decode is answered, and the connection goes on. */
async function answerPayload(payload: Buffer, state: SessionState, service: Service): Promise<VeloResponse> {
  let request: VeloRequest;
  try {
    request = decodeRequest(payload);
  } catch (error) {
    return errorResponse(error);
  }
  return request.type === "RegisterWorkspace"
    ? register(request.project_root, state)
    : answer(request, state, service);
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
