/** The specified protocol on one connection: frames to requests, responses to frames. */
import { decodeRequest } from "../protocol/decode.js";
import { encodeResponse } from "../protocol/encode.js";
import { FrameReader, encodeFrame } from "../protocol/frame.js";
import type { VeloRequest, VeloResponse } from "../protocol/messages.js";
import type { Protocol } from "./connection.js";
import type { Service, SessionState } from "./handlers.js";
import { answer, errorResponse } from "./handlers.js";
import { answerFromIndex } from "./index-answer.js";

/** @param uid of the peer's process. */
export function sessionProtocol(uid: number, service: Service): Protocol<Buffer> {
  const state: SessionState = { uid, workspace: undefined, lease: undefined };
  return {
    reader: new FrameReader(),
    answer: (payload) => {
      const known = state.workspace && answerFromIndex(payload, state.workspace);
      return known ?? answerPayload(payload, state, service);
    },
    refuse: (error) => frameOf(errorResponse(error)),
    ended: () => state.lease?.release(),
  };
}

/** A payload that does not decode is answered, and the connection goes on. */
async function answerPayload(payload: Buffer, state: SessionState, service: Service): Promise<Buffer> {
  let request: VeloRequest;
  try {
    request = decodeRequest(payload);
  } catch (error) {
    return frameOf(errorResponse(error));
  }
  return frameOf(await answer(request, state, service));
}

/** A reply over the frame limit (the listing of an enormous directory) becomes an EMSGSIZE. */
function frameOf(response: VeloResponse): Buffer {
  try {
    return encodeFrame(encodeResponse(response));
  } catch (error) {
    return encodeFrame(encodeResponse(errorResponse(error)));
  }
}
