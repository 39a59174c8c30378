/** Which build this is: read from what tools/stamp.sh wrote, and from package.json. */
import { readFileSync } from "node:fs";

const project = new URL("../../../", import.meta.url);

/** 16 hexadecimal digits over sources and lock file; "unknown" when the build was not stamped. */
export function buildId(): string {
  try {
    return readFileSync(new URL("build/stamp", project), "utf8").trim();
  } catch {
    return "unknown";
  }
}

/** Version of the package. Not the version of the wire. */
export function packageVersion(): string {
  const description = JSON.parse(readFileSync(new URL("package.json", project), "utf8")) as {
    version: string;
  };
  return description.version;
}
