/** Where the injected library is, under a name that LD_PRELOAD can hold. */
import { accessSync, constants, readlinkSync, renameSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { VriftError } from "../platform/errors.js";
import { isErrno, makeDirectory, temporaryName } from "../platform/files.js";
import type { Home } from "../platform/paths.js";

const LIBRARY = "libvrift_inception.so";
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
  if (linkTarget(link) !== library) {
    makeDirectory(directory);
    const temporary = temporaryName(directory, LIBRARY);
    symlinkSync(library, temporary);
    renameSync(temporary, link);
  }
  return link;
}

function linkTarget(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}
