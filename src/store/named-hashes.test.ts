/** What is named while the names are read. The moves happen between two lists, where `pause` lets others in. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { hashBytes } from "../platform/hash.js";
import { storeLayout } from "./blob-names.js";
import { openStore } from "./content-store.js";
import { NamedHashes } from "./named-hashes.js";
import type { ContentStore } from "./store.js";
import { Turns } from "./turns.js";

let store: ContentStore;
beforeEach(async () => {
  store = await openStore(mkdtempSync(join(tmpdir(), "vrift-named-")));
});
afterEach(() => {
  store.close();
  rmSync(store.path, { recursive: true });
});

const hashOf = (text: string): Buffer => hashBytes(Buffer.from(text));

/** Does `work` once, at the n-th pause. */
class Meanwhile extends Turns {
  #left: number;
  readonly #work: () => Promise<void>;

  constructor(pauses: number, work: () => Promise<void>) {
    super();
    this.#left = pauses;
    this.#work = work;
  }

  override async pause(): Promise<void> {
    if (this.#left-- === 0) await this.#work();
  }
}

for (const from of ["a", "z"]) {
  for (const kind of ["new", "replaced"]) {
    for (let pauses = 0; pauses < 6; pauses++) {
      test(`content moves from list ${from} to a ${kind} list m after ${pauses} records`, async () => {
        const moving = hashOf("moving");
        const lists = await Promise.all(["a", "m", "z"].map((name) => store.roots(name)));
        for (const list of lists) await list.add([hashOf("others")]);
        const [a, m, z] = lists as [(typeof lists)[0], (typeof lists)[0], (typeof lists)[0]];
        const source = from === "a" ? a : z;
        await source.add([moving]);
        if (kind === "new") await m.remove();
        let moved = false;
        const turns = new Meanwhile(pauses, async () => {
          const target = await store.roots("m");
          await target.replace([hashOf("others"), moving]);
          target.close();
          if (kind === "new") await source.remove();
          else await source.replace([hashOf("others")]);
          moved = true;
        });
        const named = new NamedHashes(storeLayout(store.path), turns);
        await named.refresh();
        assert.ok(named.has(moving));
        assert.ok(moved || pauses > 4);
        await named.refresh();
        assert.ok(named.has(hashOf("others")) && !named.has(hashOf("nothing")));
        named.close();
        for (const list of lists) list.close();
      });
    }
  }
}

for (let point = 0; point < 8; point++) {
  const pauses = point >> 1;
  const into = point & 1; // the list that was read before, and the other one
  test(`work ends after ${pauses} records: its hash is in list ${into}, then its lease is released`, async () => {
    const lists = await Promise.all(["a", "z"].map((name) => store.roots(name)));
    for (const list of lists) await list.add([hashOf("others")]);
    const lease = store.lease();
    lease.add(hashOf("finished"));
    const turns = new Meanwhile(pauses, async () => {
      await lists[into]!.add([hashOf("finished")]);
      lease.release();
    });
    const named = new NamedHashes(storeLayout(store.path), turns);
    await named.refresh();
    assert.ok(named.has(hashOf("finished")), "leases are read before the roots");
    named.close();
    for (const list of lists) list.close();
  });
}

test("the second reading sees what was added to lists, in a long record too, and to leases", async () => {
  const roots = await store.roots("w");
  const lease = store.lease();
  lease.add(hashOf("leased"));
  const named = new NamedHashes(storeLayout(store.path), new Turns());
  await named.refresh();
  assert.ok(named.has(hashOf("leased")) && !named.has(hashOf("leased later")));
  lease.add(hashOf("leased later"));
  const many = Array.from({ length: 100_000 }, (_, i) => hashOf(`${i}`));
  await roots.add(many);
  await named.refresh();
  assert.ok(named.has(hashOf("leased")) && named.has(hashOf("leased later")));
  lease.release();
  for (const hash of many) assert.ok(named.has(hash));
  named.close();
  roots.close();
});
