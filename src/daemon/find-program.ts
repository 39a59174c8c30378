/** The file that a Spawn request names: what execvp(3) would find in the request's own PATH, and nothing that only a shell could run. */
import { accessSync, closeSync, constants, openSync, readSync, statSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import { VriftError } from "../platform/errors.js";
import { isErrno } from "../platform/files.js";

const ELF = "\x7fELF";

/**
 * @param cwd absolute. @param path the request's PATH; its absolute entries are looked at.
 * @throws VriftError EINVAL for a relative name without a PATH; ENOENT, EACCES, ENOEXEC.
 */
export function findProgram(name: string, cwd: string, path: string | undefined): string {
  const file = locate(name, cwd, path);
  assertProgram(file);
  return file;
}

function locate(name: string, cwd: string, path: string | undefined): string {
  if (name === "") throw new VriftError("EINVAL", "the command has no name");
  if (isAbsolute(name)) return name;
  if (path === undefined)
    throw new VriftError("EINVAL", `${JSON.stringify(name)} is relative, and the environment has no PATH`);
  if (name.includes("/")) return resolve(cwd, name);
  const found = path.split(":").filter(isAbsolute).map((directory) => join(directory, name)).find(isExecutable); // prettier-ignore
  if (found === undefined) throw new VriftError("ENOENT", `no program ${JSON.stringify(name)} in ${path}`);
  return found;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/** libc's exec would hand anything else to /bin/sh. A program that may not be read is the kernel's to refuse. */
function assertProgram(file: string): void {
  if (!statSync(file).isFile()) throw new VriftError("EACCES", `${file} is not a file`);
  accessSync(file, constants.X_OK);
  let fd: number;
  try {
    fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (isErrno(error, "EACCES")) return;
    throw error;
  }
  try {
    const head = Buffer.alloc(ELF.length);
    const start = head.toString("latin1", 0, readSync(fd, head, 0, head.length, 0));
    if (start !== ELF && !start.startsWith("#!"))
      throw new VriftError("ENOEXEC", `${file} is neither a program nor a script with an interpreter`);
  } finally {
    closeSync(fd);
  }
}
