import type { Request } from "../protocol/messages.js";

/**
 * A workspace that was registered, or is about to be. Each request remembers the one it was made under, so that it is never
 * sent again to a connection that is bound to another.
 */
export interface Binding {
  readonly request: Request<"RegisterWorkspace">;
  /** `pending`: not answered yet; `failed`: refused, or the connection broke before the answer. */
  state: "pending" | "made" | "failed";
}
