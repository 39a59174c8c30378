/// <reference types="node" preserve="true" />
/** The package's public face: `import { connect } from "vrift"`. */
export { connect } from "./client.js";
export type { ClientOptions, ConnectOptions, VriftClient } from "./client.js";
export { connectProject } from "./connect-project.js";
export type { ProjectOptions, StartProject } from "./connect-project.js";
export type { ClientEvent, OnEvent } from "./events.js";
export type { RequestOptions } from "./settle.js";
export { VriftError, errorTable } from "../platform/errors.js";
export type { ErrorCode } from "../platform/errors.js";
export { FLAG_DIR, FLAG_SYMLINK } from "../protocol/messages.js";
export type { DirEntry, ReplyTo, VeloRequest, VeloResponse, VnodeEntry } from "../protocol/messages.js";
export { buildSweepFilter } from "../protocol/sweep-filter.js";
