/**
 * Real programs, each system call on a name in the tree looked at while it is made (native/test/escapes.c): none is made but by
 * the library, on its behalf, by the loader or by libc's child of posix_spawn. That the tracer would tell is shown with libraries
 * that lack an interceptor.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { leaveOut } from "./leave-out.js";
import { buildNative, LIBRARY, makeTree, Phantom, program, type TreeSpec } from "./phantom-fixture.js";

buildNative();

const TREE: TreeSpec = {
  "README.md": "# a project\n",
  "src/main.c":
    '#include <stdio.h>\n#include "part.h"\nint main(void) { printf("%d\\n", part()); return 0; }\n',
  "src/part.h": "int part(void);\n",
  "src/part.c": '#include "part.h"\nint part(void) { return 42; }\n',
  "lib/index.js": "module.exports = require('./other');\n",
  "lib/other.js": "module.exports = 'other';\n",
  "pkg/mod.py": "import helper\nprint(helper.value)\n",
  "pkg/helper.py": "value = 7\n",
  "script.sh": "cat README.md\n",
  link: "->README.md",
  Makefile: "prog: src/main.o src/part.o\n\tcc -o $@ $^\n%.o: %.c\n\tcc -Isrc -c -o $@ $<\n",
};

const NODE = `
const fs = require('fs'), cp = require('child_process');
console.log(require(process.cwd() + '/lib/index.js'), fs.readdirSync('.', { withFileTypes: true }).length, fs.realpathSync('link'));
fs.writeFileSync('made', 'x'); fs.appendFileSync('README.md', 'y'); fs.renameSync('made', 'src/made'); fs.copyFileSync('README.md', 'copy');
fs.mkdirSync('a/b/c', { recursive: true }); fs.rmSync('a', { recursive: true }); fs.utimesSync('copy', 1, 1); fs.chmodSync('copy', 0o600);
fs.promises.readFile('src/part.c').then(() => fs.promises.stat('README.md')).then(() => fs.promises.unlink('copy'));
console.log(String(cp.execFileSync('cat', ['src/part.h'])));
`;
const PYTHON = `
import os, shutil, subprocess, glob, tempfile, pathlib
exec(open('pkg/mod.py').read().replace('import helper', 'import sys; sys.path.insert(0, "pkg"); import helper'))
shutil.copytree('src', 'copied'); os.replace('copied/part.c', 'copied/moved.c'); shutil.rmtree('copied')
print(len(glob.glob('**/*', recursive=True)), os.path.realpath('link'), sorted(os.listdir('.')))
with open('README.md', 'a') as f: f.write('z')
os.truncate('lib/other.js', 3); tempfile.mkstemp(dir='.'); print(subprocess.run(['cat', 'README.md'], capture_output=True).stdout)
print([p.name for p in pathlib.Path('.').iterdir()], os.stat('src/part.h').st_size, os.access('Makefile', os.R_OK))
`;

const programs: Record<string, { needs?: string; script: string }> = {
  "coreutils, find, tar and sed": {
    script:
      "ls -laR . > /dev/null; find . -type f -newer README.md; cp -a src copied; mv copied/part.c lib; rm -r copied; sed -i s/42/43/ src/part.c; " +
      "tar cf ../t.tar --exclude=.vrift . && mkdir out && tar xf ../t.tar -C out; du -s src; stat -f README.md > /dev/null; touch -d yesterday lib/other.js; " +
      "ln README.md hard; ln -s a b; chmod 600 Makefile; truncate -s 1 src/part.h; realpath link; grep -rl part .; sort README.md -o README.md; rmdir nothing",
  },
  bash: {
    script:
      "shopt -s globstar; echo **/*; source script.sh; [[ -f Makefile && -r link ]]; cd src; cat < part.h > ../o; cd ..; while read l; do :; done < README.md; " +
      "exec 9<Makefile; read -u 9 x; test -x script.sh; (cd lib && pwd -P); cat <(cat README.md); bash script.sh; sh -c '. ./script.sh'; >> README.md",
  },
  "git status": {
    script:
      "git init -q . && git add -A && git -c user.name=a -c user.email=b commit -qm first && echo x >> README.md && git status --short && git diff --stat && git stash -q && git stash pop -q && git checkout -q -b other && git mv lib/other.js lib/o.js && git gc -q",
  },
  "make and gcc": { script: "make -s -j2 && ./prog && touch src/part.h && make -s" },
  "a script in node": { script: `node -e "$NODE_SCRIPT"` },
  python: { needs: "python3", script: 'python3 -c "$PYTHON_SCRIPT"' },
};

/** Each would escape if the interceptor were not there. */
const lacking: Record<string, string> = {
  open: "bash -c 'cat < README.md'",
  fopen: "make -n",
  opendir: "echo *",
  statx: "ls -l README.md",
  realpath: "realpath README.md; node -p \"require('fs').realpathSync.native('link')\"",
  unlinkat: "rm README.md",
};

function available(name: string): boolean {
  return spawnSync("sh", ["-c", `command -v ${name}`]).status === 0;
}

interface Traced {
  readonly escapes: string[];
  readonly counts: Record<string, number>;
  readonly stderr: string;
}

async function trace(script: string, library = LIBRARY): Promise<Traced> {
  const base = mkdtempSync(join(tmpdir(), "vrift-escapes-"));
  const root = join(base, "home", "tree");
  makeTree(root, TREE);
  const phantom = await Phantom.start(root, join(base, "run"), join(base, "source"));
  try {
    const { LD_PRELOAD: _1, VRIFT_INDEX: _2, ...inherited } = process.env;
    const { LD_PRELOAD: _3, ...environment } = phantom.environment;
    const traced = spawnSync(
      program("escapes"),
      [root, "bash", "-c", `{ ${script}; } > /dev/null 2>> ../stderr`],
      {
        cwd: root,
        encoding: "utf8",
        timeout: 120_000,
        env: {
          ...inherited,
          ...environment,
          ESCAPES_PRELOAD: library,
          HOME: dirname(root),
          GIT_CONFIG_NOSYSTEM: "1",
          LC_ALL: "C",
          NODE_SCRIPT: NODE,
          PYTHON_SCRIPT: PYTHON,
        },
      },
    );
    const lines = traced.stdout.trim().split("\n");
    const words = (lines.pop() ?? "").split(" ");
    const counts: Record<string, number> = {};
    for (let i = 0; i + 1 < words.length; i += 2) counts[words[i] ?? ""] = Number(words[i + 1]);
    return {
      escapes: lines,
      counts,
      stderr: traced.stderr + readFileSync(join(root, "..", "stderr"), "utf8"),
    };
  } finally {
    await phantom.stop();
    rmSync(base, { recursive: true, force: true });
  }
}

/** A kernel or a container that forbids ptrace: nothing can be looked at. */
const allowed = (await trace("cat README.md")).counts["calls"] !== undefined;

test("ptrace shows the calls of programs", (context) => {
  if (!allowed) context.skip("ptrace is forbidden here");
});

if (allowed) {
  for (const [name, { needs, script }] of Object.entries(programs))
    test(name, async (context) => {
      if (needs !== undefined && !available(needs)) {
        context.skip(`${needs} is absent`);
        return;
      }
      const traced = await trace(script);
      context.diagnostic(JSON.stringify(traced.counts));
      assert.deepEqual(traced.escapes, []);
      assert.ok((traced.counts["library"] ?? 0) > 10, `the programs ran: ${traced.stderr}`);
    });

  for (const [symbol, script] of Object.entries(lacking))
    test(`${symbol} left out is told`, async () => {
      const directory = mkdtempSync(join(tmpdir(), "vrift-escapes-"));
      try {
        const without = join(directory, "libvrift_inception.so");
        writeFileSync(without, leaveOut(readFileSync(LIBRARY), symbol));
        assert.notDeepEqual((await trace(script, without)).escapes, []);
      } finally {
        rmSync(directory, { recursive: true });
      }
    });
}
