/** A path with a slash behind it names a directory or nothing, in every request. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { workspaceFixture } from "../../test/workspace-fixture.js";

for (const phantom of [false, true]) {
  test(`${phantom ? "phantom" : "solid"}: as the kernel has it`, async () => {
    const t = await workspaceFixture();
    try {
      t.write("file", "content");
      mkdirSync(join(t.root, "dir"));
      const workspace = await t.registry.open(t.root, phantom);
      await workspace.upsert("made", await t.fileEntry("made"));
      const entry = await t.fileEntry("new");
      for (const file of ["file", "made"]) {
        assert.equal((await workspace.get(file))?.flags, 0);
        for (const name of [`${file}/`, `${file}//`, `/${file}/.`]) {
          assert.equal(await workspace.get(name), null, name);
          await assert.rejects(workspace.list(name), { code: "ENOTDIR" });
          await assert.rejects(workspace.remove(name), { code: "ENOTDIR" });
          await assert.rejects(workspace.rename(name, "other"), { code: "ENOTDIR" });
          await assert.rejects(workspace.rename(file, "other/"), { code: "ENOTDIR" });
          await assert.rejects(workspace.updateMtime(name, 1n), { code: "ENOTDIR" });
          await assert.rejects(workspace.upsert(name, entry), { code: "EISDIR" });
        }
      }
      const temporary = join(t.directory, "temporary");
      writeFileSync(temporary, "taken");
      await assert.rejects(workspace.reingest("fresh/", temporary, process.getuid!()), { code: "EISDIR" });
      assert.equal(existsSync(temporary), true);

      assert.equal((await workspace.get("dir/"))?.flags, 1);
      assert.deepEqual(await workspace.list("dir/"), []);
      await workspace.updateMtime("dir/", 5n);
      await workspace.rename("dir/", "moved/");
      await workspace.upsert("dir2/", { ...entry, content_hash: new Uint8Array(32), size: 0n, flags: 1 });
      assert.equal(await workspace.remove("moved/"), null);
      assert.equal(await workspace.remove("absent/"), null);
      await assert.rejects(workspace.rename("absent/", "x"), { code: "ENOENT" });
      const names = (await workspace.list("/")).map(({ name }) => name);
      assert.deepEqual(names, ["dir2", "file", "made"]);
    } finally {
      await t.close();
    }
  });
}
