/** Doctor's looks at the machine and the build: nothing here needs the daemon, and nothing is changed. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { buildId, packageVersion } from "../platform/build.js";
import { errorTable } from "../platform/errors.js";
import type { Home } from "../platform/paths.js";
import type { Finding } from "./doctor-finding.js";
import { libraryPath } from "./library-path.js";

const OLDEST_NODE = 20;
/** Below this a large node_modules cannot be watched whole. */
const FEW_WATCHES = 65_536;

export function nodeVersion(): Finding {
  const major = Number(process.versions.node.split(".")[0]);
  if (major >= OLDEST_NODE) return { level: "ok", what: `node ${process.version} (${process.execPath})` };
  return {
    level: "fail",
    what: `node ${process.version} is too old`,
    advice: `Install Node ${OLDEST_NODE} or newer.`,
  };
}

export function compiler(): Finding {
  const missing = ["cc", "make"].filter((tool) => spawnSync(tool, ["--version"], { stdio: "ignore" }).error);
  if (missing.length === 0) return { level: "ok", what: "C compiler and make" };
  return {
    level: "warn",
    what: `${missing.join(" and ")} not found; what is built works, a rebuild would not`,
    advice: errorTable.VRIFT_NO_COMPILER,
  };
}

export function build(): Finding {
  const id = buildId();
  const missing = ["vrift-launcher", "vrift-foreground", "libvrift_inception.so", "vrift.node"].filter(
    (name) => !existsSync(built(name)),
  );
  if (missing.length === 0 && id !== "unknown")
    return { level: "ok", what: `vrift ${packageVersion()}, build ${id}` };
  return {
    level: "fail",
    what: missing.length > 0 ? `not built: ${missing.join(", ")}` : "the build is not stamped",
    advice: "Run tools/setup.sh --force; it says what is in the way.",
  };
}

export function addon(): Finding {
  try {
    createRequire(import.meta.url)(built("vrift.node"));
    return { level: "ok", what: "the addon loads" };
  } catch (error) {
    return {
      level: "fail",
      what: `the addon does not load: ${firstLine(error)}`,
      advice: "Run tools/setup.sh --force.",
    };
  }
}

/** Starts a real program with it and looks for it in that program's memory. */
export function library(home: Home): Finding {
  try {
    const path = libraryPath(home);
    const { stdout, stderr, status } = spawnSync("grep", ["-c", "libvrift_inception", "/proc/self/maps"], {
      env: { PATH: process.env["PATH"], LD_PRELOAD: path },
      encoding: "utf8",
    });
    if (status === 0 && Number(stdout) > 0 && stderr === "")
      return { level: "ok", what: "the library loads" };
    return {
      level: "fail",
      what: `the library does not load: ${stderr.trim().split("\n")[0] || `grep ended with ${status}`}`,
      advice: "Run tools/setup.sh --force; programs run without the library meanwhile.",
    };
  } catch (error) {
    return { level: "fail", what: firstLine(error), advice: "Run tools/setup.sh --force." };
  }
}

export function inotifyLimits(): Finding {
  const limit = (name: string) => Number(readFileSync(`/proc/sys/fs/inotify/${name}`, "utf8"));
  try {
    const watches = limit("max_user_watches");
    const instances = limit("max_user_instances");
    if (watches >= FEW_WATCHES && instances >= 16) {
      return { level: "ok", what: `inotify: ${watches} watches, ${instances} instances` };
    }
    return {
      level: "warn",
      what: `inotify: only ${watches} watches, ${instances} instances`,
      advice: `Raise fs.inotify.max_user_watches (sysctl) to ${FEW_WATCHES} or more; parts of large trees are slower until then.`,
    };
  } catch (error) {
    return {
      level: "warn",
      what: `inotify limits cannot be read: ${firstLine(error)}`,
      advice: "Is /proc mounted?",
    };
  }
}

function built(name: string): string {
  return fileURLToPath(new URL(`../../../build/native/${name}`, import.meta.url));
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n")[0] ?? "";
}
