/** The modification time, in seconds since 1970, of what nobody has written to since it was checked (docs/verify.md). */
export const SEAL_SECONDS = 1_000_000_000;
