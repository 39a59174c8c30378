/**
 * vriftd: `node dist/src/daemon/main.js [--foreground]`, home from the environment. Exits 0 when another daemon serves the home, 75 when it
 * cannot tell.
 */
import { writeFailure } from "./begin-process.js";
import { VRIFTD, serveHome } from "./vriftd.js";

serveHome({ foreground: process.argv.includes("--foreground") }).catch((error: unknown) =>
  writeFailure(VRIFTD, error),
);
