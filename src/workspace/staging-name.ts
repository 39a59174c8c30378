/** Names in `.vrift/staging/`, in the form that the owner of the workspace tidies up after a dead process: `<pid>.<n>`. */
import { join } from "node:path";

/** Beyond what a Workspace in the same process counts to. */
let counter = 2 ** 40;

export function stagingName(staging: string): string {
  counter += 1;
  return join(staging, `${process.pid}.${counter}`);
}
