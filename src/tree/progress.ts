/** How a long procedure says where it is. It never prints. */

export type Phase =
  | "recover" // finish what an interrupted run left
  | "scan" // total unknown
  | "import" // files into the store (and, of phantom, out of the tree)
  | "place" // files out of the store
  | "copy" // physical files of a clone
  | "verify" // blobs of the store
  | "search" // files that may hold what is lost
  | "register"; // waiting for the owner of the manifest

export interface Progress {
  /** A phase begins, or begins again. `files` and `bytes` are what it will do as far as known. */
  begin(phase: Phase, files: number, bytes: bigint): void;
  /** So much more of the current phase is done. */
  advance(files: number, bytes: bigint): void;
}

export const noProgress: Progress = { begin: () => {}, advance: () => {} };
