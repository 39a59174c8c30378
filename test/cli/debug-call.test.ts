import assert from "node:assert/strict";
import { mkdirSync, realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { TestHome } from "./vrift-process.js";

const home = new TestHome();
const project = join(home.work, "project");

before(async () => {
  mkdirSync(join(project, "src"), { recursive: true });
  writeFileSync(join(project, "src/a"), "x");
  assert.equal((await home.vrift(["daemon", "start"])).code, 0);
});
after(() => home.remove());

const lines = (stdout: string): unknown[] =>
  stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as unknown);

describe("debug call", () => {
  test("one line of JSON for each request, as debug decode writes it", async () => {
    const { stdout, stderr, code } = await home.vrift([
      "debug", "call", '{"Handshake":{"client_version":"0.1.0"}}',
      JSON.stringify({ RegisterWorkspace: { project_root: project } }),
      '{"ManifestListDir":{"path":"src"}}', '{"ManifestGet":{"path":"none"}}',
    ]); // prettier-ignore
    assert.equal(stderr, "");
    assert.equal(code, 0);
    const [greeting, registered, list, none] = lines(stdout);
    assert.deepEqual(greeting, { HandshakeAck: { server_version: "0.1.0" } });
    assert.match(JSON.stringify(registered), /^\{"RegisterAck":\{"workspace_id":"[0-9a-f]{32}"\}\}$/);
    assert.deepEqual(list, { ManifestListAck: { entries: [{ name: "a", is_dir: false }] } });
    assert.deepEqual(none, { ManifestAck: { entry: null } });
  });

  test("--root registers first; lines on standard input; an Error is printed and makes the status 1", async () => {
    const input = '{"ManifestGet":{"path":"src"}}\n\n{"ManifestListDir":{"path":"src/a"}}\n"Status"';
    for (const dash of [["-"], []]) {
      const { stdout, stderr, code } = await home.vrift(["debug", "call", "--root", "project", ...dash], {
        input,
      });
      assert.equal(stderr, "");
      assert.equal(code, 1);
      const [got, error, status] = lines(stdout) as Record<string, string>[];
      assert.ok(got?.["ManifestAck"]);
      assert.match(error!["Error"]!, /^ENOTDIR: /);
      assert.match(JSON.stringify(status), /^\{"StatusAck":\{"status":"ready/);
    }
  });

  test("many lines are pipelined and printed in order", async () => {
    const input = Array.from({ length: 5000 }, (_, i) =>
      i % 2 === 0 ? '{"CasGet":{"hash":"' + "00".repeat(32) + '"}}' : '{"Handshake":{"client_version":"0.1.0"}}',
    ).join("\n"); // prettier-ignore
    const { stdout, code } = await home.vrift(["debug", "call"], { input });
    assert.equal(code, 0);
    const replies = lines(stdout);
    assert.equal(replies.length, 5000);
    assert.ok(replies.every((reply, i) => (reply === "CasNotFound") === (i % 2 === 0)));
  });

  test("a request that cannot be understood is a usage error: of arguments nothing is sent", async () => {
    const given = await home.vrift(["debug", "call", '"Status"', '{"ManifestGet":{"path":1}}']);
    assert.equal(given.code, 2);
    assert.equal(given.stdout, "");
    assert.match(given.stderr, /^vrift: VRIFT_USAGE: request 2: ManifestGet\.path must be a string\n/);
    const read = await home.vrift(["debug", "call"], {
      input: '{"Handshake":{"client_version":"0.1.0"}}\nnonsense\n',
    });
    assert.equal(read.code, 2);
    assert.equal(lines(read.stdout).length, 1);
    assert.match(read.stderr, /line 2: nonsense is not JSON/);
    const wide = await home.vrift(["debug", "call", '{"FlockAcquire":{"path":"a","operation":4294967296}}']);
    assert.match(wide.stderr, /request 1: FlockAcquire\.operation must be an integer/);
    assert.equal(wide.code, 2);
  });

  test("nobody there, a directory that is refused, options of other words", async () => {
    const nobody = await home.vrift(["debug", "call", "--socket", "none.sock", '"Status"']);
    assert.equal(nobody.code, 1);
    assert.match(nobody.stderr, /ECONNREFUSED: nobody listens on .*none\.sock/);
    const refused = await home.vrift(["debug", "call", "--root", "absent", '"Status"']);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /ENOENT/);
    assert.match(
      (await home.vrift(["debug", "call", "--count", "1"])).stderr,
      /debug call has no option --count/,
    );
    assert.match((await home.vrift(["debug", "nothing"])).stderr, /debug knows `decode`, .*not `nothing`/);
  });
});

describe("debug ping", () => {
  test("round trips of each kind, for people and as JSON", async () => {
    const args = ["debug", "ping", "--count", "20", "--root", project];
    const text = await home.vrift([...args, "src/a"]);
    assert.equal(text.code, 0, text.stderr);
    assert.match(text.stdout, /: 20 round trips each, microseconds\nrequest +min +median +p99 +max\n/);
    const { stdout, code } = await home.vrift([...args, "--json"]);
    assert.equal(code, 0);
    const found = JSON.parse(stdout) as {
      socket: string;
      count: number;
      results: ({ request: string } & Record<"min_us" | "median_us" | "p99_us" | "max_us", number>)[];
    };
    assert.equal(found.socket, realpathSync(join(home.home, ".vrift/sockets/vriftd.sock")));
    assert.equal(found.count, 20);
    assert.deepEqual(found.results.map(({ request }) => request), ["Handshake", "Status", "ManifestGet"]); // prettier-ignore
    for (const { min_us, median_us, p99_us, max_us } of found.results)
      assert.ok(0 < min_us && min_us <= median_us && median_us <= p99_us && p99_us <= max_us);
  });

  test("wrong uses", async () => {
    for (const args of [["--count", "0"], ["--count", "x"], ["a"], ["--root", ".", "a", "b"]])
      assert.equal((await home.vrift(["debug", "ping", ...args])).code, 2, args.join(" "));
  });
});
