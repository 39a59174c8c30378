/** `npm run stress:solid -- [MINUTES] [SEED]`: the long run of liar.test.ts. 1 when an answer was wrong. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { TestHome } from "../cli/vrift-process.js";
import { checkoutBranch, liar, reportText } from "./liar.js";

const [minutes = "3", first = String(Date.now() % 1_000_000)] = process.argv.slice(2);
const namespace = ["--user", "--map-root-user", "--mount", process.execPath];
const program = fileURLToPath(new URL("./own-namespace.js", import.meta.url));
if (spawnSync("unshare", [...namespace, program, "500", "2"], { stdio: "inherit" }).status !== 0)
  throw new Error("mounts and limits: not right, or not allowed here; the reason is above");
const until = Date.now() + Number(minutes) * 60_000;
for (let seed = Number(first); Date.now() < until || seed === Number(first); seed++) {
  const home = new TestHome();
  try {
    console.log(`seed ${seed}`);
    console.log(reportText(await liar({ home, seed, files: 2000, rounds: 6, changes: 1500, ownMs: 30_000 })));
    console.log(
      `20,000 files, branches: ${(await checkoutBranch(home, 20_000, ["one", "two"])).answers} answers right`,
    );
  } finally {
    await home.remove();
  }
}
