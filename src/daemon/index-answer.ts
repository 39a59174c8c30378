/** ManifestGet answered from the index: frame payload in, framed reply out, nothing decoded and nothing waited for. */
import { requests, responses } from "../protocol/schema.js";
import { SHARED_REPLY_MAX } from "../vdir/shared-index.js";
import type { IndexAnswers } from "../vdir/shared-index.js";

const LENGTH_SIZE = 4;
const TAG_SIZE = 4;
/** Of a ManifestGet's payload: tag and length of the path. */
const PATH_AT = TAG_SIZE + 8;
/** Of a ManifestAck's frame: length and tag. */
const ENTRY_AT = LENGTH_SIZE + TAG_SIZE;

const GET_TAG: number = requests.ManifestGet.tag;
const ABSENT = Buffer.alloc(ENTRY_AT + 1);
beginFrame(ABSENT);

/** The frame that is filled next: a question the index leaves open costs no allocation. */
let frame = Buffer.allocUnsafe(ENTRY_AT + SHARED_REPLY_MAX);

/** undefined: not a ManifestGet, or not known at once. The buffer may be shared: nobody writes to it. */
export function answerFromIndex(payload: Buffer, index: IndexAnswers): Buffer | undefined {
  if (payload.length < PATH_AT || payload.readUInt32LE(0) !== GET_TAG) return undefined;
  const length = payload.readUInt32LE(TAG_SIZE);
  if (length > payload.length - PATH_AT || payload.readUInt32LE(TAG_SIZE + 4) !== 0) return undefined;
  const size = index.getNow(payload, PATH_AT, PATH_AT + length, frame, ENTRY_AT);
  if (size === 0) return undefined;
  if (size === 1) return ABSENT;
  const reply = frame;
  beginFrame(reply);
  frame = Buffer.allocUnsafe(ENTRY_AT + SHARED_REPLY_MAX);
  return reply;
}

function beginFrame(reply: Buffer): void {
  reply.writeUInt32LE(reply.length - LENGTH_SIZE, 0);
  reply.writeUInt32LE(responses.ManifestAck.tag, LENGTH_SIZE);
}
