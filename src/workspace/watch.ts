/**
 * Who tells of changes that programs outside make. Without it (solid workspaces, watch limits) the index says "distrust" and
 * programs ask the kernel first; nothing else depends on it.
 */
export interface TreeWatch {
  /** Why nothing may be trusted, in words for `vrift status`; undefined while every directory is watched. */
  readonly failure: string | undefined;
  /** Calls back, coalesced, after something changed. */
  onDirty(callback: () => void): void;
  /**
   * Watches exactly these directories (the root is ""). Returns those that were not watched before: what happened in them
   * since they were listed was not seen, so they are listed again.
   */
  cover(directories: ReadonlyMap<string, bigint>): string[];
  stop(): void;
}

/** Never trusted. */
export function noWatch(failure: string): TreeWatch {
  return { failure, onDirty: () => undefined, cover: () => [], stop: () => undefined };
}
