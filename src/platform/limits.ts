/** Every limit on what comes from outside, each with its reason. Checked before anything is allocated. */

/**
 * Bytes of one frame's payload. The largest honest message is the listing of one directory: 16 MiB hold 400,000 names
 * of 30 bytes. More would let one peer make the daemon hold memory for bytes that never come.
 */
export const FRAME_MAX = 16 * 1024 * 1024;

/** Bytes of a path without its NUL: the kernel's PATH_MAX is 4,096 with it, and every key becomes a path in the end. */
export const PATH_MAX = 4095;

/** Bytes of one component: the kernel's NAME_MAX. */
export const NAME_MAX = 255;

/** Milliseconds to wait for a connection: the specification's, section 8. */
export const CONNECT_TIMEOUT_MS = 5000;

/** Bytes of one line of the control socket: the same room as a frame, for pages of entries. */
export const CONTROL_LINE_MAX = FRAME_MAX;

/**
 * Requests of one client that are under way, and the bytes of them; the next one waits. A daemon that answers 200,000 a
 * second needs some hundreds on the way to stay busy over a wake-up of a millisecond; more would only lie in buffers.
 */
export const PIPELINE_REQUESTS_MAX = 1024;
export const PIPELINE_BYTES_MAX = 4 * 1024 * 1024;

/** Connections on which one read is tried. A daemon that ends on a request is not brought down by it for ever. */
export const READ_ATTEMPTS_MAX = 3;

/** Milliseconds after a connection broke in which a daemon that is not there is waited for: its successor is on the way. */
export const SUCCESSION_MS = 1000;

/**
 * Milliseconds for which a client that may answer from real files does not ask a daemon again that accepted and did not
 * answer: each request would wait for the whole connect timeout.
 */
export const FROZEN_MS = 5000;
