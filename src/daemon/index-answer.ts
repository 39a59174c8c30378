/** ManifestGet and ManifestListDir answered from the index: frame payload in, framed reply out, nothing decoded and nothing waited for. */
import { FRAME_MAX } from "../platform/limits.js";
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
const LIST_TAG: number = requests.ManifestListDir.tag;
const ABSENT = Buffer.alloc(ENTRY_AT + 1);
beginFrame(ABSENT);

/** The frame that is filled next: a question the index leaves open costs no allocation. */
let frame = Buffer.allocUnsafe(ENTRY_AT + SHARED_REPLY_MAX);

/** undefined: none of the two, or not known at once. The buffer may be shared: nobody writes to it. */
export function answerFromIndex(payload: Buffer, index: IndexAnswers): Buffer | undefined {
  if (payload.length < PATH_AT) return undefined;
  const tag = payload.readUInt32LE(0);
  if (tag !== GET_TAG && tag !== LIST_TAG) return undefined;
  const length = payload.readUInt32LE(TAG_SIZE);
  if (length > payload.length - PATH_AT || payload.readUInt32LE(TAG_SIZE + 4) !== 0) return undefined;
  if (tag === LIST_TAG) return listReply(index, payload, PATH_AT + length);
  const size = index.getNow(payload, PATH_AT, PATH_AT + length, frame, ENTRY_AT);
  if (size === 0) return undefined;
  if (size === 1) return ABSENT;
  const reply = frame;
  beginFrame(reply);
  frame = Buffer.allocUnsafe(ENTRY_AT + SHARED_REPLY_MAX);
  return reply;
}

function listReply(index: IndexAnswers, payload: Buffer, end: number): Buffer | undefined {
  const reply = index.listNow(payload, PATH_AT, end, ENTRY_AT, FRAME_MAX - TAG_SIZE);
  if (reply !== undefined) beginFrame(reply, responses.ManifestListAck.tag);
  return reply;
}

function beginFrame(reply: Buffer, tag: number = responses.ManifestAck.tag): void {
  reply.writeUInt32LE(reply.length - LENGTH_SIZE, 0);
  reply.writeUInt32LE(tag, LENGTH_SIZE);
}
