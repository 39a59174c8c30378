/** What a case of native/test/each finds in its directory. */
import { join } from "node:path";
import { makeTree } from "./phantom-fixture.js";

export function makeEachTree(root: string, rows: readonly string[]): void {
  for (const row of rows)
    makeTree(join(root, row), {
      file: "content\n",
      same: "content\n",
      other: "another\n",
      mounts: "device /mnt ext4 rw 0 0\n",
      "dir/inner": "inner\n",
      "away/": "",
    });
}
