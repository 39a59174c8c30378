/**
 * Configuration: built-in < `~/.vrift/config.toml` < `<project>/.vrift/config.toml` < environment < flags. Every key is a
 * row of one table; help and documentation are made from it.
 */
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { VriftError, toVriftError } from "./errors.js";
import { assertOwnSource } from "./home-source.js";
import {
  PROJECT_ENTRIES_MAX,
  PROJECT_PROCESSES_MAX,
  SETTLE_SECONDS,
  STAGING_BYTES_MAX,
  SWEEP_GRACE_SECONDS,
} from "./limits.js";
import { PROJECT_DIR } from "./paths.js";
import type { Home } from "./paths.js";

interface KeyShape {
  readonly type: "path" | "boolean" | "integer";
  /** `home`: not read from a project's file, which may come from somebody else. */
  readonly scope: "home" | "project";
  /** Environment variable that overrides the files; undefined where there is none. */
  readonly env?: string;
  readonly what: string;
  /** Smallest number; default 1. */
  readonly least?: number;
}

export const configKeys = {
  source: {
    type: "path",
    scope: "home",
    env: "VR_THE_SOURCE",
    what: "Directory of the content store; built in: the_source in the home.",
  },
  default_workspace: {
    type: "path",
    scope: "home",
    env: "VRIFT_DEFAULT_WORKSPACE",
    what: "Workspace that the version-1 export shows; built in: the first one registered.",
  },
  log_bytes: {
    type: "integer",
    scope: "home",
    what: "Size at which the daemon's log is rotated; built in: 4 MiB.",
  },
  idle_seconds: {
    type: "integer",
    scope: "home",
    env: "VRIFT_IDLE_SECONDS",
    what: "Seconds after which the process of a project that nobody uses ends; built in: 600.",
  },
  project_processes: {
    type: "integer",
    scope: "home",
    env: "VRIFT_PROJECT_PROCESSES",
    what: "How many projects' processes run at a time; for one more the longest idle one ends; built in: 64.",
  },
  project_entries: {
    type: "integer",
    scope: "home",
    env: "VRIFT_PROJECT_ENTRIES",
    what: "Names of one project in its manifest and index, above which more are left to the kernel; built in: 16,777,216.",
  },
  staging_bytes: {
    type: "integer",
    scope: "home",
    env: "VRIFT_STAGING_BYTES",
    what: "Bytes of files in one project's staging directory, above which no more are taken; built in: 16 GiB.",
  },
  sweep_grace_seconds: {
    type: "integer",
    least: 0,
    scope: "home",
    env: "VRIFT_SWEEP_GRACE_SECONDS",
    what: "How long swept content can still be had back; built in: an hour, longer than builds that use an older index.",
  },
  watch: {
    type: "boolean",
    scope: "project",
    env: "VRIFT_WATCH",
    what: "Watch trees, so that programs are answered from memory; built in: true.",
  },
  settle_seconds: {
    type: "integer",
    least: 0,
    scope: "home",
    env: "VRIFT_SETTLE_SECONDS",
    what: "Seconds after its last change from which the index answers stat of a file of a solid tree; built in: 60, when the kernel has written it out.",
  },
  commit: {
    type: "boolean",
    scope: "project",
    env: "VRIFT_COMMIT",
    what: "Take what programs write in phantom trees into the store when it is quiet; built in: true.",
  },
  dehydrate: {
    type: "boolean",
    scope: "project",
    env: "VRIFT_DEHYDRATE",
    what: "Make such files virtual again when nobody uses the tree, so that only programs under vrift see them; built in: false.",
  },
} as const satisfies Readonly<Record<string, KeyShape>>;

export type ConfigKey = keyof typeof configKeys;

type ValueOf<T extends KeyShape["type"]> = T extends "path" ? string : T extends "boolean" ? boolean : number;
/** Values that some layer gave. */
export type ConfigValues = { readonly [K in ConfigKey]?: ValueOf<(typeof configKeys)[K]["type"]> };

export interface Config {
  readonly source: string;
  readonly default_workspace: string | undefined;
  readonly log_bytes: number;
  readonly idle_seconds: number;
  readonly project_processes: number;
  readonly project_entries: number;
  readonly staging_bytes: number;
  readonly sweep_grace_seconds: number;
  readonly watch: boolean;
  readonly commit: boolean;
  readonly dehydrate: boolean;
  readonly settle_seconds: number;
}

export interface ConfigLayers {
  readonly home: Home;
  /** Root of the project whose `.vrift/config.toml` counts, when there is one. */
  readonly projectRoot?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly flags?: ConfigValues;
}

/** @throws VriftError VRIFT_CONFIG naming file and line, or the environment variable. */
export async function loadConfig(layers: ConfigLayers): Promise<Config> {
  const { home, projectRoot, env = process.env, flags = {} } = layers;
  const fromHome = await readConfigFile(home.configFile, "home");
  const fromProject =
    projectRoot === undefined
      ? {}
      : await readConfigFile(join(projectRoot, PROJECT_DIR, "config.toml"), "project");
  const builtIn = {
    source: join(home.root, "the_source"),
    log_bytes: 4 * 1024 * 1024,
    idle_seconds: 600,
    project_processes: PROJECT_PROCESSES_MAX,
    project_entries: PROJECT_ENTRIES_MAX,
    staging_bytes: STAGING_BYTES_MAX,
    sweep_grace_seconds: SWEEP_GRACE_SECONDS,
    watch: true,
    commit: true,
    dehydrate: false,
    settle_seconds: SETTLE_SECONDS,
  };
  return {
    default_workspace: undefined,
    ...builtIn,
    ...fromHome,
    ...fromProject,
    ...readEnvironment(env),
    ...flags,
  };
}

/**
 * The home with the configured store in it. Programs that touch the store use this, not the bare home.
 * @throws VriftError VRIFT_CONFIG when the home's trees were made with another store.
 */
export function configuredHome(home: Home, config: Config): Home {
  const configured = { ...home, source: config.source };
  assertOwnSource(configured);
  return configured;
}

async function readConfigFile(file: string, scope: KeyShape["scope"]): Promise<ConfigValues> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return {};
    throw new VriftError("VRIFT_CONFIG", `${file} cannot be read: ${toVriftError(error).message}`, {
      cause: error,
    });
  }
  return parseConfig(file, text, scope);
}

/** @param file named in errors; relative paths in it are relative to its directory. */
export async function parseConfig(
  file: string,
  text: string,
  scope: KeyShape["scope"],
): Promise<ConfigValues> {
  // Loaded only when there is a file: the parser costs 17 ms of every command otherwise.
  const { parse, TomlError } = await import("smol-toml");
  let table: Record<string, unknown>;
  try {
    table = parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const first = error.message.split("\n")[0] ?? "not TOML";
    throw new VriftError("VRIFT_CONFIG", `${file}:${error.line}: ${first}`, { cause: error });
  }
  const values: Record<string, string | number | boolean> = {};
  for (const [key, value] of Object.entries(table)) {
    const refuse = (why: string): VriftError =>
      new VriftError("VRIFT_CONFIG", `${file}:${lineOf(text, key)}: ${why}`);
    const shape = shapeOf(key);
    if (shape === undefined)
      throw refuse(`unknown key \`${key}\`; known are ${Object.keys(configKeys).join(", ")}`);
    if (scope === "project" && shape.scope === "home")
      throw refuse(`\`${key}\` belongs into the home's config.toml, not into a project's`);
    values[key] = checkValue(shape, value, join(file, ".."), (why) => refuse(`\`${key}\` ${why}`));
  }
  return values;
}

function readEnvironment(env: NodeJS.ProcessEnv): ConfigValues {
  const values: Record<string, string | number | boolean> = {};
  for (const [key, shape] of Object.entries<KeyShape>(configKeys)) {
    const text = shape.env === undefined ? undefined : env[shape.env];
    if (!text) continue;
    const refuse = (why: string): VriftError => new VriftError("VRIFT_CONFIG", `${shape.env} ${why}`);
    values[key] = checkValue(shape, fromText(shape, text), process.cwd(), refuse);
  }
  return values;
}

function fromText(shape: KeyShape, text: string): unknown {
  if (shape.type === "path") return text;
  if (shape.type === "integer") return /^\d+$/.test(text) ? Number(text) : text;
  if (text === "1" || text === "true") return true;
  return text === "0" || text === "false" ? false : text;
}

function checkValue(
  shape: KeyShape,
  value: unknown,
  base: string,
  refuse: (why: string) => VriftError,
): string | number | boolean {
  switch (shape.type) {
    case "path":
      if (typeof value === "string" && value !== "" && !value.includes("\0")) return resolve(base, value);
      throw refuse("must be a path");
    case "boolean":
      if (typeof value === "boolean") return value;
      throw refuse("must be true or false");
    case "integer": {
      const { least = 1 } = shape;
      if (typeof value === "number" && Number.isSafeInteger(value) && value >= least) return value;
      throw refuse(`must be a whole number of at least ${least}`);
    }
  }
}

function shapeOf(key: string): KeyShape | undefined {
  return Object.hasOwn(configKeys, key) ? configKeys[key as ConfigKey] : undefined;
}

/** Line of a top-level key, 1-based; the parser does not say. 1 when it is written in a way not looked for here. */
function lineOf(text: string, key: string): number {
  const quoted = key.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const line = text
    .split("\n")
    .findIndex((row) => new RegExp(`^\\s*\\[*["']?${quoted}["']?\\s*[.=\\]]`).test(row));
  return line < 0 ? 1 : line + 1;
}
