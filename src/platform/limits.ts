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
 * Seconds a swept blob stays in the trash. A program that has an older index mapped may open what the newest manifest no longer
 * names, and whoever swept by mistake gets it back; an hour is longer than builds and test runs take.
 */
export const SWEEP_GRACE_SECONDS = 3600;
