/** Where the injected library is, under a name that LD_PRELOAD can hold. */
import { accessSync, constants, existsSync, readlinkSync, renameSync, symlinkSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { VriftError } from "../platform/errors.js";
import { isErrno, makeDirectory, temporaryName } from "../platform/files.js";
import type { Home } from "../platform/paths.js";

const LIBRARY = "libvrift_inception.so";
/** Its second build is in a directory of this name beside it. */
const OBSERVED = "observed";
const built = fileURLToPath(new URL(`../../../build/native/${LIBRARY}`, import.meta.url));

/** The loader splits LD_PRELOAD at colons and blanks and expands `$`; there is no quoting. */
const UNFIT = /[\s:$]/;

/**
 * Absolute path of the library: where it was built or, when that path cannot stand in LD_PRELOAD, a link to it in the home.
 * @throws VriftError ENOENT when it is not built, EINVAL when the home's path cannot stand there either.
 */
export function libraryPath(home: Home, library: string = built): string {
  try {
    accessSync(library, constants.R_OK);
  } catch (error) {
    throw new VriftError("ENOENT", `the library ${library} is not built`, { cause: error });
  }
  if (!UNFIT.test(library)) return library;
  const directory = join(home.root, "run", "library");
  const link = join(directory, LIBRARY);
  if (UNFIT.test(link)) {
    throw new VriftError(
      "EINVAL",
      `neither ${library} nor ${link} can stand in LD_PRELOAD; set VRIFT_HOME to a plain path`,
    );
  }
  makeLink(link, library);
  makeLink(join(directory, OBSERVED), join(dirname(library), OBSERVED));
  return link;
}

/** The build of it that counts and traces (docs/observing.md): beside the other one, in `observed/`. */
export function observedLibraryPath(home: Home): string {
  const observed = join(dirname(built), OBSERVED, LIBRARY);
  const beside = libraryPath(home);
  const path = join(dirname(beside), OBSERVED, LIBRARY);
  if (!existsSync(path)) throw new VriftError("ENOENT", `the library ${observed} is not built`);
  return path;
}

function makeLink(link: string, target: string): void {
  if (linkTarget(link) === target) return;
  makeDirectory(dirname(link));
  const temporary = temporaryName(dirname(link), basename(link));
  symlinkSync(target, temporary);
  renameSync(temporary, link);
}

function linkTarget(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}
