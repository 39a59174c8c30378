import { VriftError } from "../platform/errors.js";

/** Version of the wire, sent in Handshake and HandshakeAck. Not the package's version. */
export const PROTOCOL_VERSION = "0.1.0";

/** Versions agree when their major numbers do. @throws VriftError EPROTO naming both. */
export function checkVersion(theirs: string): void {
  const major = /^(\d+)(\.|$)/.exec(theirs)?.[1];
  if (major === undefined || major !== PROTOCOL_VERSION.split(".")[0]) {
    throw new VriftError(
      "EPROTO",
      `protocol versions do not match: ours is ${PROTOCOL_VERSION}, theirs ${theirs.slice(0, 64)}`,
    );
  }
}
