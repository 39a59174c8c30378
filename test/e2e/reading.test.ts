/** Programs that read: the same on a phantom tree as on the real one at the same path. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Sandbox, copyTree, listingScript, npmPackageTree } from "./sandbox.js";

const commands: readonly (readonly [name: string, script: string])[] = [
  ["npm's own version", "node bin/npm-cli.js --version"],
  ["npm ls", "node bin/npm-cli.js ls --logs-max=0"],
  ["find", "find . | sort"],
  // The size of a directory is the file system's affair: on tmpfs it counts physical names.
  [
    "find with every field",
    "find . -type d -printf '%p %y %m %T@ %n %u %g\\n' -o -printf '%p %y %m %s %T@ %n %u %g %k\\n' | sort",
  ],
  ["ls -lR", "ls -lR --time-style=full-iso | sed -E 's/^(d[^ ]+ +[0-9]+ [^ ]+ [^ ]+) +[0-9]+/\\1 -/'"],
  [
    "ls -laR of a part",
    "ls -laR --time-style=full-iso node_modules/semver | sed -E 's/^(d[^ ]+ +[0-9]+ [^ ]+ [^ ]+) +[0-9]+/\\1 -/'",
  ],
  ["grep -r", "grep -rn 'use strict' . | sort"],
  [
    "tar out and in",
    "tar c . | (mkdir ../out.$$ && cd ../out.$$ && tar x && find . -type f -printf '%P %m %s %Ts\\n' | sort && rm -rf ../out.$$)",
  ],
  ["cp -a out", `cp -a . ../copy.$$ && (cd ../copy.$$ && ${listingScript()}); rm -rf ../copy.$$`],
  [
    "python3 walking and reading",
    `python3 -c '
import os, hashlib
for d, ds, fs in sorted(os.walk(".")):
    ds.sort()
    for f in sorted(fs):
        p = os.path.join(d, f); s = os.stat(p)
        print(p, oct(s.st_mode), s.st_size, s.st_mtime_ns, s.st_nlink, hashlib.md5(open(p, "rb").read()).hexdigest())'`,
  ],
  [
    "python3 scandir, glob, pathlib",
    `python3 -c '
import os, glob, pathlib
print(sorted((e.name, e.is_file(), e.is_dir(), e.stat().st_size if e.is_file() else 0) for e in os.scandir("lib")))
print(sorted(glob.glob("node_modules/*/package.json")))
print(sorted(map(str, pathlib.Path("node_modules/semver").rglob("*.js"))))'`,
  ],
  ["globs of bash", "echo lib/*.js node_modules/s*/package.json; shopt -s globstar; echo lib/**/*.js"],
  ["globs of sh", "sh -c 'for f in lib/*.js node_modules/[a-c]*/*.md; do echo \"$f\"; done'"],
  [
    "tests of the shell",
    "[ -f package.json ] && [ ! -e nothing ] && [ -r README.md ] && [ ! -x README.md ] && [ lib -nt nothing ] && [ -s LICENSE ] && echo yes",
  ],
  [
    "redirection in",
    'wc -c < package.json; read -r line < LICENSE; echo "$line"; cat - README.md < LICENSE | md5sum',
  ],
  [
    "head, tail, sort, wc, diff, cmp",
    "head -3 README.md; tail -n 3 README.md; wc README.md LICENSE; diff README.md LICENSE | md5sum; cmp README.md README.md && echo same",
  ],
  [
    "realpath, readlink, stat",
    "realpath lib/npm.js lib/../package.json ./lib//npm.js; readlink -f package.json; stat -c '%n %s %a %h %F %Y %b %B' package.json lib/npm.js",
  ],
  [
    "absent names",
    "cat lib/nothing.js; ls nothing; stat package.json/x; cat lib; ls -d lib/npm.js/; cd package.json; true",
  ],
  [
    "du",
    "find lib node_modules/semver -type f -print0 | sort -z > ../names; du -c --apparent-size --files0-from=../names; du -c --files0-from=../names",
  ],
  [
    "node reading in every style",
    `node -e '
const fs = require("fs"), path = require("path");
(async () => {
  const walk = (d) => fs.readdirSync(d, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1)).flatMap((e) => e.isDirectory() ? walk(path.join(d, e.name)) : [path.join(d, e.name)]);
  for (const f of walk("lib")) {
    const s = fs.statSync(f), l = fs.lstatSync(f, { bigint: true }), p = await fs.promises.stat(f);
    if (s.ino !== p.ino || s.size !== (await fs.promises.readFile(f)).length) throw new Error(f);
    console.log(f, s.size, s.mode, l.mtimeNs, fs.accessSync(f), fs.realpathSync.native(f) === path.resolve(f), fs.existsSync(f + "x"));
  }
})();'`,
  ],
  [
    "fstat agrees with stat",
    `python3 -c '
import os
for d, _, fs in os.walk("lib"):
    for f in fs:
        p = os.path.join(d, f)
        fd = os.open(p, os.O_RDONLY); a = os.fstat(fd); b = os.stat(p); c = os.lstat(p); dup = os.dup(fd)
        assert a == b == c == os.fstat(dup), p
        os.close(fd); os.close(dup)
print("agree")'`,
  ],
  ["no scratch left", "ls -a | grep -c vrift"],
];

describe("reading a phantom npm tree", () => {
  const sandbox = new Sandbox();
  const tree = sandbox.path("tree");
  const expected = new Map<string, ReturnType<Sandbox["sh"]>>();
  let listing = "";

  before(() => {
    copyTree(npmPackageTree(), tree);
    listing = sandbox.sh(listingScript(), tree, "bare").stdout;
    for (const [name, script] of commands) expected.set(name, sandbox.sh(script, tree, "bare"));
    sandbox.mustVrift(["phantom", tree]);
  });
  after(() => sandbox.dispose());

  test("content has left the tree", () => {
    const left = sandbox.run("find", [
      tree,
      "-path",
      `${tree}/.vrift`,
      "-prune",
      "-o",
      "-type",
      "f",
      "-print",
    ]);
    const physical = left.stdout.trim().split("\n").length;
    assert.ok(physical < 100, `${physical} files are still physical`);
  });

  for (const [name, script] of commands) {
    test(name, () => {
      const outcome = sandbox.sh(script, tree, "vrift");
      assert.deepEqual(outcome, expected.get(name));
    });
  }

  test("solid brings every byte, mode, time and link back", () => {
    sandbox.mustVrift(["solid", tree]);
    assert.equal(sandbox.sh(listingScript(), tree, "bare").stdout, listing);
    assert.equal(sandbox.run("ls", ["-A", tree]).stdout.includes(".vrift"), false);
  });
});
