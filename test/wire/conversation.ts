/** One of each of the 17 requests to a real daemon, with what its reply must be; clients in every language have it. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openStore } from "../../src/store/content-store.js";
import { solidId } from "../../src/platform/workspace-id.js";
import type { Replies, VeloRequest, VeloResponse } from "../../src/protocol/messages.js";
import type { DaemonFixture } from "../daemon-fixture.js";

export interface Turn {
  readonly request: VeloRequest;
  check(reply: VeloResponse): void;
}

/** Needs a daemon that runs. Each directory under the fixture has its own project, so that several can have the conversation. */
export async function conversation(t: DaemonFixture, name: string): Promise<readonly Turn[]> {
  const root = join(t.directory, name);
  mkdirSync(join(root, "src"), { recursive: true });
  writeFileSync(join(root, "src/main.rs"), "fn main() {}\n", { mode: 0o644 });
  const temporary = join(t.directory, `${name}.tmp`);
  writeFileSync(temporary, "from a temporary file", { mode: 0o644 });
  const store = await openStore(t.home.source);
  const lease = store.lease();
  const { hash, size } = await store.importBytes(Buffer.from(`a blob of ${name}`), lease);
  store.close();
  const entry = {
    content_hash: new Uint8Array(hash),
    size,
    mtime: 1_700_000_000_123_456_789n,
    mode: 0o644,
    flags: 0,
  };
  const list = [{ name: "main.rs", is_dir: false }];

  return [
    turn({ type: "Handshake", client_version: "0.1.0" }, (reply) => assert.equal(reply.server_version, "0.1.0")),
    turn({ type: "Status" }, (reply) => assert.match(reply.status, /^ready\b/)),
    turn({ type: "RegisterWorkspace", project_root: root }, (reply) => assert.equal(reply.workspace_id, solidId(root))),
    turn({ type: "ManifestGet", path: "src/main.rs" }, (reply) => assert.equal(reply.entry?.size, 13n)),
    turn({ type: "ManifestGet", path: "src/none" }, (reply) => assert.equal(reply.entry, null)),
    turn({ type: "ManifestListDir", path: "src" }, (reply) => assert.deepEqual(reply.entries, list)),
    turn({ type: "CasInsert", hash: entry.content_hash, size }, (reply) => assert.equal(reply.type, "CasAck")),
    turn({ type: "CasGet", hash: entry.content_hash }, (reply) => assert.deepEqual(reply, { type: "CasFound", size })),
    turn({ type: "CasGet", hash: new Uint8Array(32).fill(9) }, (reply) => assert.equal(reply.type, "CasNotFound")),
    turn({ type: "ManifestUpsert", path: "new", entry }, (reply) => assert.deepEqual(reply.entry, entry)),
    turn({ type: "ManifestGet", path: "/new" }, (reply) => assert.deepEqual(reply.entry, entry)),
    turn({ type: "ManifestUpdateMtime", path: "new", mtime_ns: 5n }, (reply) => assert.equal(reply.entry?.mtime, 5n)),
    turn({ type: "ManifestRename", old_path: "new", new_path: "newer" }, (reply) =>
      assert.deepEqual(reply.entry?.content_hash, entry.content_hash),
    ),
    turn({ type: "ManifestReingest", vpath: "taken", temp_path: temporary }, (reply) => assert.equal(reply.entry?.size, 21n)),
    turn({ type: "ManifestRemove", path: "newer" }, (reply) => assert.equal(reply.type, "ManifestAck")),
    turn({ type: "ManifestRemove", path: "never" }, (reply) => assert.equal(reply.type, "ManifestAck")),
    // LOCK_EX | LOCK_NB
    turn({ type: "FlockAcquire", path: "src/main.rs", operation: 6 }, (reply) => assert.equal(reply.type, "FlockAck")),
    turn({ type: "FlockRelease", path: "src/main.rs" }, (reply) => assert.equal(reply.type, "FlockAck")),
    turn({ type: "Spawn", command: ["true"], env: [["PATH", "/usr/bin:/bin"]], cwd: root }, (reply) => assert.ok(reply.pid > 1)),
    turn({ type: "Protect", path: join(root, "src/main.rs"), immutable: false, owner: null }, (reply) =>
      assert.equal(reply.type, "ProtectAck"),
    ),
    // A filter that names every hash: nothing goes.
    turn({ type: "CasSweep", bloom_filter: new Uint8Array(64).fill(255) }, (reply) =>
      assert.deepEqual([reply.deleted_count, reply.reclaimed_bytes], [0, 0n]),
    ),
  ]; // prettier-ignore
}

function turn<R extends VeloRequest>(request: R, check: (reply: Replies[R["type"]]) => void): Turn {
  return {
    request,
    check: (reply) => {
      if (reply.type === "Error") assert.fail(`${request.type}: ${reply.message}`);
      check(reply as unknown as Replies[R["type"]]);
    },
  };
}
