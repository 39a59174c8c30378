/** Where a clone goes: a new directory, an empty one, or one that the same clone was interrupted in. */
import { mkdirSync, readdirSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { VriftError } from "../platform/errors.js";
import { isErrno, makeDirectory } from "../platform/files.js";
import { PROJECT_DIR, projectPaths } from "../platform/paths.js";
import { incompleteCloneOf, markIncomplete } from "./clone-marker.js";
import { removeRemains } from "./project-directory.js";
import { assertNotInsidePhantom, isInside, isPhantomRoot, realDirectory } from "./refusal.js";
import { statFile } from "../workspace/stat-file.js";

/** The real path it has or will have. EINVAL, EEXIST, VRIFT_ROOT_REFUSED. */
export function checkDestination(src: string, destination: string): string {
  const wanted = resolve(destination);
  const parent = realDirectory(dirname(wanted));
  const dst = statFile(wanted) ? realpathSync(wanted) : join(parent, basename(wanted));
  if (dst === src) throw new VriftError("EINVAL", `source and destination are the same directory ${src}`);
  if (isInside(dst, src)) throw new VriftError("EINVAL", `${dst} is inside its source ${src}`);
  if (isInside(src, dst)) throw new VriftError("EINVAL", `${src} is inside its destination ${dst}`);
  assertNotInsidePhantom(dst);
  if (statFile(dst)) assertUsable(src, dst);
  return dst;
}

/** Makes it, with the mark that it is not complete. */
export function makeDestination(src: string, dst: string): void {
  try {
    mkdirSync(dst, 0o700);
  } catch (error) {
    if (!isErrno(error, "EEXIST")) throw error;
    assertUsable(src, dst);
  }
  markIncomplete(dst, src);
  makeDirectory(projectPaths(dst).staging);
}

/** Empty, or what an interrupted clone of the same source left. */
function assertUsable(src: string, dst: string): void {
  if (!statSync(dst).isDirectory()) throw new VriftError("EEXIST", `${dst} is not a directory`);
  const interrupted = incompleteCloneOf(dst);
  if (interrupted === src) return;
  if (interrupted !== undefined) {
    const finish = `vrift clone ${interrupted} ${dst}`;
    throw new VriftError(
      "EEXIST",
      `${dst} is another interrupted clone; finish it (\`${finish}\`) or remove it`,
    );
  }
  // A clone that was killed before it could say so has left a `.vrift/` with nothing of anybody's in it.
  if (!isPhantomRoot(dst) && readdirSync(dst).join() === PROJECT_DIR) removeRemains(dst);
  if (readdirSync(dst).length > 0) throw new VriftError("EEXIST", `${dst} is not empty`);
}
