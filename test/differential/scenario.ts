/** What a differential scenario is: a script that must do the same on a plain tree and on a phantom one. */

export interface Scenario {
  /** Unique; the scenario's directory is named after it. */
  readonly name: string;
  /** Programs without which it would compare two lines of "not found". The base tools of Debian need not be named. */
  readonly needs?: readonly string[];
  /**
   * bash, in a directory of its own with the files of project-tree.ts. `$OUT` is an empty directory outside the tree, `$CACHE` one that
   * both runs share and that `before` fills, `$PROJECT` vrift's own checkout.
   */
  readonly script: string;
  /** bash, run once on the plain tree, before it is copied: what it makes is there, and virtual, when `script` begins. */
  readonly before?: string;
  /** Takes out of stdout and stderr what differs between two runs on plain trees (process ids, durations). */
  readonly normalise?: (text: string) => string;
  /** Files whose content or size two runs on plain trees do not agree on; paths are relative to the scenario's directory. */
  readonly volatile?: RegExp;
  /** Names that two runs on plain trees do not agree on. */
  readonly ignore?: RegExp;
  /** Not part of `npm test`: it takes seconds, or needs packages of a registry. */
  readonly heavy?: boolean;
  /**
   * Commands in it that go past the library, as docs/interception.md says (static ones, and those with system calls of their own): their
   * escapes are explained.
   */
  readonly outside?: readonly string[];
  /** Run with `vrift run --hydrate`: without it such a command does not find its files. */
  readonly hydrate?: boolean;
}

export const slug = (scenario: Scenario): string =>
  scenario.name.replace(/[^A-Za-z0-9]+/g, "-").toLowerCase();
