/** A million virtual entries, all of one content, in a fixture's project: what large trees cost the daemons. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { connectProjectControl } from "../src/client/control-client.js";
import { hashToHex } from "../src/platform/hash.js";
import { openStore } from "../src/store/content-store.js";
import type { DaemonFixture } from "../test/daemon-fixture.js";
import type { BenchContext } from "./case.js";

const ENTRIES = 1_000_000;
const TOY_ENTRIES = 2_000;
const DIRECTORY = 1_000;
/** Entries of one request. */
const BATCH = 4_000;

/** A thousand to a directory. How many. @param socket control socket of the project. */
export async function adoptMany(context: BenchContext, t: DaemonFixture, socket: string): Promise<number> {
  const store = await openStore(t.home.source);
  const lease = store.lease();
  const project = await connectProjectControl(socket);
  try {
    const { hash, size } = await store.importBytes(Buffer.from("content"), lease);
    const facts = { hash: hashToHex(hash), size: `${size}`, mtimeNs: "1700000000000000000", mode: 0o644, blocks: 8 }; // prettier-ignore
    const count = context.toy ? TOY_ENTRIES : ENTRIES;
    for (let i = 0; i < count; i += DIRECTORY) mkdirSync(join(t.root, `directory-${i / DIRECTORY}`));
    await project.call("sync", { durable: false });
    for (let from = 0; from < count; from += BATCH) {
      const entries = Array.from({ length: Math.min(BATCH, count - from) }, (_, i) => {
        const at = from + i;
        return { ...facts, path: `directory-${Math.floor(at / DIRECTORY)}/a file with a name ${at}` };
      });
      const { refused } = await project.call("adopt", { entries, as: "virtual" });
      if (refused.length > 0) throw new Error(`refused: ${JSON.stringify(refused[0])}`);
    }
    await project.call("sync", { durable: true });
    return count;
  } finally {
    project.close();
    lease.release();
    store.close();
  }
}
