import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { resolveRoot } from "./root.js";

const base = realpathSync(mkdtempSync(join(tmpdir(), "vrift-root-")));
after(() => rmSync(base, { recursive: true }));

const user = join(base, "user");
const vriftHome = join(user, ".vrift");
mkdirSync(join(vriftHome, "sockets"), { recursive: true });

function directory(...names: string[]): string {
  const path = join(base, ...names);
  mkdirSync(path, { recursive: true });
  return path;
}

function rootFrom(
  from: string,
  options: { explicit?: string; registered?: string[]; homeRoot?: string } = {},
): string {
  return resolveRoot({
    from,
    explicit: options.explicit,
    env: { HOME: user },
    homeRoot: options.homeRoot ?? vriftHome,
    registered: (path) => (options.registered ?? []).includes(path),
  });
}

describe("workspace root", () => {
  test("is the directory itself when nothing marks a project", () => {
    const plain = directory("user", "plain", "deep");
    assert.equal(rootFrom(plain), plain);
  });

  test("is the nearest ancestor with .git", () => {
    const outer = directory("user", "git-outer");
    directory("user", "git-outer", ".git");
    const inner = directory("user", "git-outer", "vendor", "inner");
    writeFileSync(join(inner, ".git"), "gitdir: elsewhere\n");
    assert.equal(rootFrom(directory("user", "git-outer", "src", "a")), outer);
    assert.equal(rootFrom(directory("user", "git-outer", "vendor", "inner", "x")), inner);
  });

  test("a workspace wins over a nearer .git, whether marked or registered", () => {
    const marked = directory("user", "marked");
    directory("user", "marked", ".vrift");
    directory("user", "marked", "sub", ".git");
    const from = directory("user", "marked", "sub", "deep");
    assert.equal(rootFrom(from), marked);
    const known = directory("user", "known");
    directory("user", "known", "sub", ".git");
    assert.equal(rootFrom(directory("user", "known", "sub", "x"), { registered: [known] }), known);
  });

  test("the nearest workspace wins", () => {
    directory("user", "marked", ".vrift");
    const inner = directory("user", "marked", "inner");
    assert.equal(rootFrom(directory("user", "marked", "inner", "x"), { registered: [inner] }), inner);
  });

  test("the place where everything is kept marks no project, of this user or of another", () => {
    const plain = directory("user", "plain");
    assert.equal(rootFrom(plain), plain);
    const other = directory("other", "proj");
    directory("other", ".vrift", "sockets");
    assert.equal(rootFrom(other), other);
    assert.equal(rootFrom(plain, { homeRoot: directory("elsewhere") }), plain);
  });

  test("$HOME, / and /tmp are refused, but with --root they are taken", () => {
    for (const wide of [user, "/", "/tmp"]) {
      assert.throws(() => rootFrom(wide), { code: "VRIFT_ROOT_REFUSED" });
      assert.equal(rootFrom(directory("user", "plain"), { explicit: wide }), realpathSync(wide));
    }
  });

  test("$HOME is refused as well when a workspace mark leads there", () => {
    writeFileSync(join(directory("wide", ".vrift"), "workspace"), "");
    const wide = join(base, "wide");
    assert.throws(
      () =>
        resolveRoot({
          from: directory("wide", "x"),
          env: { HOME: wide },
          homeRoot: join(wide, ".vrift"),
          registered: (path) => path === wide,
        }),
      { code: "VRIFT_ROOT_REFUSED" },
    );
  });

  test("a dotfiles repository in $HOME does not swallow the directories below it", () => {
    const dotfiles = directory("dotfiles");
    directory("dotfiles", ".git");
    const below = directory("dotfiles", "notes");
    const question = { env: { HOME: dotfiles }, homeRoot: vriftHome, registered: () => false };
    assert.equal(resolveRoot({ ...question, from: below }), below);
  });

  test("symbolic links are resolved, files start at their directory", () => {
    const real = directory("user", "real");
    symlinkSync(real, join(user, "link"));
    writeFileSync(join(real, "file"), "");
    assert.equal(rootFrom(join(user, "link")), real);
    assert.equal(rootFrom(join(user, "link", "file")), real);
    assert.equal(rootFrom(join(user, "link", "virtual-only")), real);
  });

  test("what is missing or no directory is said", () => {
    assert.throws(() => rootFrom(join(user, "no", "where")), { code: "ENOENT" });
    const file = join(directory("user", "real"), "file");
    writeFileSync(file, "");
    assert.throws(() => rootFrom(user, { explicit: file }), { code: "ENOTDIR" });
    assert.throws(() => rootFrom(user, { explicit: "absent" }), { code: "ENOENT" });
  });
});
