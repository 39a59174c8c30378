/** What a command is. One file per command exports one; commands.ts lists them; only main.ts prints. */
import type { Home } from "../platform/paths.js";
import type { ProgressBar } from "./progress-bar.js";

export interface OptionSpec {
  readonly type: "boolean" | "string";
  readonly short?: string;
  /** Placeholder of the value in the help text; for strings only. */
  readonly value?: string;
  /** What a string option means when it is given without `=VALUE`; such an option never takes the next word. */
  readonly bare?: string;
  readonly help: string;
}

export type OptionTable = Readonly<Record<string, OptionSpec>>;

export interface Command {
  readonly name: string;
  /** One line, for the list of commands. */
  readonly summary: string;
  /** Each way to call it, without the leading `vrift`. */
  readonly usage: readonly string[];
  /** What a reader of `COMMAND --help` should know besides; paragraphs of at most 100 columns. */
  readonly about?: readonly string[];
  readonly options: OptionTable;
  /** Fewest and most arguments that are not options. */
  readonly positionals: readonly [number, number];
  /** Works also while the configured store is not the one that the home's trees were made with: it says so, or needs none. */
  readonly anyStore?: true;
  run(context: Context): Promise<Outcome>;
}

/** What a command found out: `data` for --json (bigint becomes a decimal string), `text` for people, without the last newline. `data` undefined: all was written already. */
export interface Outcome {
  readonly data: unknown;
  readonly text: string;
  /** 0 when absent. */
  readonly exitCode?: number;
}

export interface Context {
  readonly positionals: readonly string[];
  /** Was the boolean option given? */
  flag(name: string): boolean;
  /** Value of a string option. */
  value(name: string): string | undefined;
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly home: Home;
  /** For results without an end or too large for memory: written to standard output now. */
  write(part: string | Uint8Array): void;
  /** As `write`; false when nobody reads any more, after which `write` would end the process. */
  tryWrite(part: string | Uint8Array): boolean;
  /** One line to standard error, not part of the result. */
  note(line: string): void;
  /** A bar on a terminal; nothing in a pipe. */
  readonly progress: ProgressBar;
}

/** The context without the arguments. */
export type Surroundings = Omit<Context, "positionals" | "flag" | "value">;

/** Options that many commands share, declared once so that they read the same everywhere. */
export const rootOption = {
  root: { type: "string", value: "DIR", help: "the workspace's root, instead of looking for it" },
} as const satisfies OptionTable;

export const jsonOption = {
  json: { type: "boolean", help: "print the result as JSON" },
} as const satisfies OptionTable;
