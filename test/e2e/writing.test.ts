/** Programs that change things: output, exit code and the tree afterwards as on a plain copy at the same path. */
import assert from "node:assert/strict";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Sandbox, copyTree, listingScript, npmPackageTree } from "./sandbox.js";

/** What scripts begin with: the whole package, or the part of it that most of them touch (about 240 files). */
type Start = "package" | "part";
const PART = ["LICENSE", "README.md", "package.json", "bin", "lib", "node_modules/semver"];

const scenarios: readonly (readonly [name: string, script: string, start?: Start])[] = [
  [
    "sed -i",
    "sed -i s/semver/SEMVER/ node_modules/semver/package.json lib/npm.js; grep -c SEMVER node_modules/semver/package.json",
  ],
  [
    "git from init to commit",
    "git init -q . && git add . && git commit -qm first && git status --porcelain && git log --oneline && git fsck --strict && echo x >> README.md && git diff --stat && git stash -q && git status --porcelain && git ls-files | wc -l",
    "package",
  ],
  [
    "mv a file, a directory, over a file",
    "mv README.md README.txt; mv lib library; mv LICENSE package.json; ls; head -2 package.json; cat library/npm.js | md5sum; ls lib",
  ],
  [
    "mv out and in again",
    "mv lib ../moved.$$; ls ../moved.$$ | sort; mv ../moved.$$ lib2; ls lib2 | sort; mv package.json ../p.$$; mv ../p.$$ package.json; cat package.json | md5sum",
  ],
  [
    "rm -r",
    "rm -r lib node_modules/semver; ls; ls lib; rm README.md; cat README.md; rmdir node_modules; rm -rf node_modules; ls -A",
    "package",
  ],
  [
    "rm and make again",
    "rm package.json; echo new > package.json; cat package.json; rm -r lib; mkdir lib; ls -A lib; echo 1 > lib/one; ls lib; rm lib/one; ls -A lib",
  ],
  [
    "ln and ln -s",
    "ln -s package.json p; cat p | md5sum; ln -s ../lib bin/l; ls bin/l | sort; ln LICENSE L2; stat -c %h LICENSE L2; echo more >> L2; tail -1 LICENSE; cat bin/l/npm.js | md5sum",
  ],
  [
    "patch",
    "cp README.md /tmp/r.$$; sed s/npm/NPM/g README.md > /tmp/r2.$$; diff -u /tmp/r.$$ /tmp/r2.$$ > ../p.diff; patch -p0 README.md < ../p.diff; md5sum README.md; rm -f /tmp/r.$$ /tmp/r2.$$ ../p.diff",
  ],
  [
    "chmod and touch",
    "chmod 600 package.json; chmod -R g+w lib; touch -d '2020-01-01 00:00:00.123456789' LICENSE; touch README.md new; stat -c '%n %a %s %y' package.json LICENSE",
  ],
  [
    "an editor's save",
    "cp -p package.json package.json~; printf '{}' > .package.json.tmp; chmod --reference=package.json .package.json.tmp; mv .package.json.tmp package.json; cat package.json; cat package.json~ | md5sum",
  ],
  [
    "redirections",
    "echo a > README.md; echo b >> README.md; echo c >> LICENSE; : > lib/npm.js; cat README.md; tail -2 LICENSE; exec 3>>package.json; echo '#' >&3; exec 3>&-; tail -1 package.json; set -C; echo x > LICENSE || echo kept",
  ],
  [
    "perl -i, dd, truncate, cp over",
    "perl -pi -e 's/npm/NPM/' README.md; dd if=/dev/zero of=LICENSE bs=1 count=3 conv=notrunc status=none; head -c 8 LICENSE | od -c; truncate -s 10 package.json; cat package.json; cp README.md lib/npm.js; cmp README.md lib/npm.js && echo same",
  ],
  [
    "python writing",
    `python3 -c '
import os, mmap, tempfile
f = open("LICENSE", "r+b"); m = mmap.mmap(f.fileno(), 0); m[0:4] = b"MMAP"; m.close(); f.close()
print(open("LICENSE", "rb").read(8))
with open("package.json", "a") as f: f.write("x")
print(os.stat("package.json").st_size, os.path.getsize("package.json"))
os.rename("README.md", "R"); print(os.path.exists("README.md"), os.path.exists("R"))
try: os.open("package.json", os.O_CREAT | os.O_EXCL | os.O_WRONLY)
except FileExistsError as e: print("exists")
try: os.mkdir("package.json")
except FileExistsError as e: print("exists")
os.replace("R", "README.md"); print(len(open("README.md").read()))'`,
  ],
  [
    "npm install of a package into it",
    "node bin/npm-cli.js pkg delete devDependencies workspaces --loglevel=error && node bin/npm-cli.js install is-number@7.0.0 --no-audit --no-fund --ignore-scripts --loglevel=error --logs-max=0 --cache ../npm-cache > ../npm.out 2>&1; echo $?; sed 's/ in .*//' ../npm.out; cat node_modules/is-number/package.json | md5sum; node bin/npm-cli.js ls --depth=0 --logs-max=0 --cache ../npm-cache",
    "package",
  ],
];

const cProject = `
mkdir -p c/src c/include && cd c
cat > include/greet.h <<'H'
const char *greet(void);
H
cat > src/greet.c <<'C'
#include "greet.h"
const char *greet(void) { return "hello"; }
C
cat > src/main.c <<'C'
#include <stdio.h>
#include "greet.h"
int main(void) { puts(greet()); return 0; }
C
cat > Makefile <<'M'
CFLAGS = -O1 -Iinclude -MMD
objects = $(patsubst src/%.c,obj/%.o,$(wildcard src/*.c))
hello: $(objects)
	$(CC) -o $@ $^
obj/%.o: src/%.c | obj
	$(CC) $(CFLAGS) -c -o $@ $<
obj:
	mkdir obj
-include $(wildcard obj/*.d)
M`;

const cBuild =
  "make -j2 2>&1 | sort; ./hello; make; touch include/greet.h; make 2>&1 | sort; sed -i s/hello/bye/ src/greet.c; make; ./hello; rm -r obj; make 2>&1 | sort; ./hello; make -q; echo $?";

describe("changing a phantom tree", () => {
  const sandbox = new Sandbox();
  const tree = sandbox.path("tree");
  const base = (start: Start) => sandbox.path(`base-${start}`);
  const original = (start: Start) => sandbox.path(`original-${start}`);

  before(() => {
    copyTree(npmPackageTree(), original("package"));
    mkdirSync(join(original("part"), "node_modules"), { recursive: true });
    for (const name of PART) copyTree(join(npmPackageTree(), name), join(original("part"), name));
    for (const start of ["package", "part"] as const) {
      sandbox.sh(cProject, original(start), "bare");
      copyTree(original(start), base(start));
      sandbox.mustVrift(["phantom", base(start)]);
    }
  });
  after(() => sandbox.dispose());

  const onPlainTree = (script: string, since: number, start: Start) => {
    copyTree(original(start), tree);
    const outcome = sandbox.sh(script, tree, "bare");
    const listing = sandbox.sh(listingScript(since), tree, "bare").stdout;
    rmSync(tree, { recursive: true });
    return { outcome, listing };
  };

  const onPhantomTree = (script: string, since: number, start: Start) => {
    sandbox.mustVrift(["clone", base(start), tree]);
    const outcome = sandbox.sh(script, tree, "vrift");
    const listing = sandbox.sh(listingScript(since), tree, "vrift").stdout;
    sandbox.mustVrift(["solid", tree]);
    const solid = sandbox.sh(listingScript(since), tree, "bare").stdout;
    rmSync(tree, { recursive: true });
    return { outcome, listing, solid };
  };

  const compare = (script: string, start: Start = "part") => {
    const since = Math.floor(Date.now() / 1000) - 1;
    const plain = onPlainTree(script, since, start);
    const phantom = onPhantomTree(script, since, start);
    assert.deepEqual(phantom.outcome, plain.outcome);
    assert.equal(phantom.listing, plain.listing, "seen through the library");
    assert.equal(phantom.solid, plain.listing, "after vrift solid");
  };

  for (const [name, script, start] of scenarios) test(name, () => compare(script, start));

  test("a C project built by make, touched and built again", () =>
    compare(`cd c && ${cBuild} && cd .. && rm -r c/obj c/hello`));

  test("the clone's changes are its own", () => {
    const listing = () => sandbox.sh(listingScript(), base("part"), "vrift").stdout;
    const earlier = listing();
    sandbox.mustVrift(["clone", base("part"), tree]);
    sandbox.sh("echo changed > package.json; rm -r lib; sed -i s/a/b/ README.md", tree, "vrift");
    assert.equal(listing(), earlier);
    rmSync(tree, { recursive: true });
  });
});
