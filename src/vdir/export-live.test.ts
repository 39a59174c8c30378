/** A reader in Python, written from the specification, beside an export that changes: what it sees, and how much later. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, statSync, truncateSync, unlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import type { IndexValue } from "../platform/native.js";
import { ManifestExport } from "./export-v1.js";
import { IndexWriter } from "./index-file.js";
import { constants } from "./layout.js";

/** Names of the tree; `npm run torture` measures with 100,000. */
const NAMES = Number(process.env["VRIFT_EXPORT_NAMES"] ?? 5000);
const ROUNDS = Number(process.env["VRIFT_EXPORT_ROUNDS"] ?? 20);
/** The promise is 100 ms; a machine that runs every test at once is given more. */
const LIMIT_MS = Number(process.env["VRIFT_EXPORT_LIMIT_MS"] ?? 1000);

let folder = "";
before(() => {
  folder = mkdtempSync(join(tmpdir(), "vrift-export-live-"));
});
after(() => {
  rmSync(folder, { recursive: true, force: true });
});

const withPython = {
  skip: spawnSync("python3", ["--version"]).status === 0 ? false : "python3 is not installed",
};

/** One version in each field that the export has. */
function value(version: number): IndexValue {
  return {
    flags: Number(constants.ENTRY_VIRTUAL),
    mode: 0o100644,
    size: BigInt(version),
    mtimeNs: BigInt(version) * 1_000_000_000n + BigInt(version % 1000),
    ctimeNs: 0n,
    ino: 0n,
    blocks: 0,
    hash: Buffer.alloc(32),
  };
}

function* tree(): Generator<[string, IndexValue]> {
  const dir = { ...value(0), flags: Number(constants.ENTRY_DIR | constants.ENTRY_BACKED), mode: 0o40755 };
  for (let n = 0; n < NAMES; n += 1) {
    const directory = `node_modules-package-${String(Math.floor(n / 20)).padStart(6, "0")}`;
    yield n % 20 === 0 ? [directory, dir] : [`${directory}/file-number-${n % 20}-of-it.js`, value(n)];
  }
}

interface Seen {
  readonly at_ns: string;
  readonly listed: boolean;
  readonly kept: boolean;
}

test(
  "values change in place, names with a new file, within 100 ms; a lost file comes again",
  withPython,
  async () => {
    const writer = IndexWriter.create(join(folder, "index"), {
      workspaceId: "0".repeat(32),
      kind: 0,
      rootPath: "/p",
      rootDev: 1n,
      rootIno: 1n,
      sourcePath: "/s",
      sourceDev: 1n,
      uid: 0,
      gid: 0,
      expectedEntries: NAMES,
    });
    writer.fill(tree());
    const path = join(folder, "export.mmap");
    const exporter = new ManifestExport(path, assert.ifError);
    const changed = (): void => exporter.schedule(() => writer.handle);
    changed();
    await exporter.flush();

    const script = join(import.meta.dirname, "../../../test/python/watch_manifest_export.py");
    const reader = spawn("python3", [script, path], { stdio: ["pipe", "pipe", "inherit"], timeout: 120_000 });
    const lines: AsyncIterator<string> = createInterface({ input: reader.stdout })[Symbol.asyncIterator]();
    const answer = async (): Promise<Seen> => {
      const next = await lines.next();
      assert.ok(next.done !== true, "the reader ended");
      return JSON.parse(next.value) as Seen;
    };
    await answer();
    /** Makes a change, and gives what the reader saw of it with the milliseconds in between. */
    const see = async (key: string, size: number | null, change: () => void) => {
      const start = process.hrtime.bigint();
      change();
      changed();
      const next = answer();
      reader.stdin.write(`${JSON.stringify({ key, size })}\n`);
      const seen = await next;
      return { ...seen, ms: Number(BigInt(seen.at_ns) - start) / 1e6 };
    };

    const inPlace: number[] = [];
    const anew: number[] = [];
    const key = "node_modules-package-000003/file-number-7-of-it.js";
    let version = 10_000_000;
    for (let round = 0; round < ROUNDS; round += 1) {
      version += 1;
      const own = version;
      const inode = statSync(path).ino;
      const one = await see(key, own, () => writer.update(key, value(own)));
      assert.deepEqual([one.listed, one.kept], [true, true], "a value changes in the mapped file");
      assert.equal(statSync(path).ino, inode, "in place");
      inPlace.push(one.ms);

      const name = `node_modules-package-000003/new-${round}`;
      const two = await see(name, own, () => writer.insert(name, value(own)));
      assert.deepEqual([two.listed, two.kept], [true, false], "a name comes with a new file");
      anew.push(two.ms);
      const three = await see(name, null, () => writer.remove(name));
      assert.deepEqual([three.listed, three.kept], [false, false], "a name goes with a new file");
      anew.push(three.ms);
    }

    // An index that grew counts its changes anew.
    const grown = await see(key, 5, () => {
      writer.update(key, value(5));
      writer.grow();
    });
    assert.equal(grown.listed, true);
    // What a cleaner of /tmp removed, or somebody cut, is made again at the next change.
    assert.equal((await see(key, 6, () => (unlinkSync(path), writer.update(key, value(6))))).kept, false);
    reader.stdin.end();
    await once(reader, "exit");
    truncateSync(path, 100);
    writer.update(key, value(7));
    changed();
    await exporter.flush();
    assert.ok(statSync(path).size > 32_768);

    for (const [what, times] of [
      ["values in place", inPlace],
      ["names", anew],
    ] as const) {
      times.sort((a, b) => a - b);
      const at = (part: number) => times[Math.min(times.length - 1, Math.floor(times.length * part))] ?? NaN;
      console.log(
        `${NAMES} names, ${what}: median ${at(0.5).toFixed(1)} ms, slowest of ${times.length} ${at(1).toFixed(1)} ms`,
      );
      assert.ok(at(0.5) < LIMIT_MS, `${what}: ${at(0.5)} ms`);
    }
    await exporter.close();
    writer.close();
  },
);
