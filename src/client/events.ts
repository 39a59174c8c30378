import type { VriftError } from "../platform/errors.js";
import type { RequestName } from "../protocol/schema.js";

/** What a client tells besides its replies. */
export type ClientEvent =
  /** A daemon has answered on this socket. */
  | { readonly type: "connected"; readonly path: string }
  /** A connection ended; locks that were taken on it are gone. */
  | { readonly type: "disconnected"; readonly error: VriftError }
  /** A request was answered from the real files of `root`, because of `error`. */
  | {
      readonly type: "fallback";
      readonly request: RequestName;
      readonly root: string;
      /** Of ManifestGet and ManifestListDir, relative to the root. */
      readonly path: string | undefined;
      readonly error: VriftError;
    };

export type OnEvent = (event: ClientEvent) => void;
