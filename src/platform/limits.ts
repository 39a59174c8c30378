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
 * Bytes of replies that wait in this process for a peer to read them, beyond the kernel's socket buffer. From there on the
 * peer is neither read from nor answered. Not below the high-water mark of Node's sockets (64 KiB in newer ones), or nobody
 * would say when they are gone.
 */
export const REPLIES_UNREAD_MAX = 64 * 1024;

/** Replies that are ready together are written with one call, up to so many bytes: a third of the kernel's socket buffer. */
export const REPLY_BATCH = 64 * 1024;

/** Bytes of replies that wait for an earlier one of the same connection. From there on nothing more is begun. */
export const REPLIES_HELD_MAX = 1024 * 1024;

/** Bytes of whole requests that are read ahead of what is being answered: one chunk as Node reads it. */
export const REQUESTS_AHEAD_MAX = 64 * 1024;

/**
 * What one connection may do before the others have their turn: so many messages, so many milliseconds (looked at every few
 * messages), so many bytes. One that sends thousands ahead then holds up a neighbour by about a millisecond.
 */
export const TURN_MESSAGES = 256;
export const TURN_MS = 1;
export const TURN_BYTES = 32 * 1024;
