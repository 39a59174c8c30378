/// <reference types="node" preserve="true" />
/** The package's public face: `import { connect } from "vrift"`. */
export { connect } from "./client.js";
export type { ConnectOptions, VriftClient } from "./client.js";
export { VriftError, errorTable } from "../platform/errors.js";
export type { ErrorCode } from "../platform/errors.js";
export { FLAG_DIR, FLAG_SYMLINK } from "../protocol/messages.js";
export type { DirEntry, ReplyTo, VeloRequest, VeloResponse, VnodeEntry } from "../protocol/messages.js";
export { buildSweepFilter } from "../protocol/sweep-filter.js";
