/** What a session has come to, in the bytes that a connection is given away with. */
import type { CarriedFlocks } from "./flock-table.js";

export interface SessionPassport {
  /** Hashes that CasInsert has claimed, 32 bytes each. */
  readonly claimed?: Buffer | undefined;
  readonly flocks?: CarriedFlocks | undefined;
}

export function packSession({ claimed, flocks }: SessionPassport): Buffer {
  return Buffer.from(JSON.stringify({ claimed: claimed?.toString("base64"), flocks }));
}

/** Of bytes that `packSession` made: they come from the process before us, which is trusted. */
export function unpackSession(bytes: Buffer | undefined): SessionPassport {
  if (bytes === undefined) return {};
  const { claimed, flocks } = JSON.parse(bytes.toString()) as { claimed?: string; flocks?: CarriedFlocks };
  return { claimed: claimed === undefined ? undefined : Buffer.from(claimed, "base64"), flocks };
}
