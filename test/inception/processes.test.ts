/** Programs that start programs: the tree is seen by every one of them, whatever environment it was given. */
import { before, test } from "node:test";
import { buildNative, compare, program, type TreeSpec } from "./phantom-fixture.js";

const TREE: TreeSpec = {
  file: "content\n",
  "sub/inner": "inner\n",
  "no-shebang": "!cat $1\n",
  script: "!#!/bin/sh\ncat file\n",
  second: "!#!./script\n",
  "lib.js": "module.exports = 'required';\n",
};

const scripts: Record<string, string> = {
  "every exec, vfork, posix_spawn, system and popen": `${program("spawning")} file; cat spawn.out; ls`,
  "env -i, one after another":
    "env -i cat file; env -i sh -c 'env -i bash -c \"env -i cat file\"'; env -i ./script; env -i ./second; env -u LD_PRELOAD cat file; LD_PRELOAD= cat file; LD_PRELOAD=/no/such.so cat file 2>/dev/null",
  "subshells, jobs, pipes and traps":
    "(cd sub; cat inner; (cd ..; cat file)); cat file & wait; cat file | (cat; cat sub/inner) | cat; trap 'cat file' EXIT; echo $(cat file)$(cd sub && cat inner); coproc { cat file; read x; }; read y <&${COPROC[0]}; echo $y; echo >&${COPROC[1]}; wait; timeout 5 cat file; nohup cat file 2>/dev/null; xargs cat <<< file; exec cat file",
  "cd in every way":
    "cd sub; cat inner ../file; cd ..; cat file; pushd sub > /dev/null; cat inner; popd > /dev/null; cat file; ln -s sub l; cd l; cat inner ../file; cd -P .; cat inner; mkdir -p a/b; cd a/b; echo x > y; mv ../../a ../../c; cat y; ls; cd ..; ls b; cd ../sub; mv ../sub ../moved; cat inner; ls; cat ../file; pwd | sed 's/.*tree/tree/'",
  "a removed working directory":
    "mkdir d; cd d; rmdir ../d; cat file; ls; cat ../file; echo x > y; cd ..; cat file",
  node: `node -e "
const cp = require('child_process'), fs = require('fs'), { Worker } = require('worker_threads');
const show = (r) => console.log(r.status, String(r.stdout), String(r.stderr).slice(0, 40));
show(cp.spawnSync('cat', ['file'], { env: {} })); show(cp.spawnSync('cat', ['inner'], { cwd: 'sub', env: { PATH: process.env.PATH } })); show(cp.spawnSync('cat file', { shell: true, env: {} }));
show(cp.spawnSync('cat', { input: fs.readFileSync('file') })); show(cp.spawnSync('./file', [])); show(cp.spawnSync('./script', { env: {} }));
process.chdir('sub'); console.log(fs.readFileSync('inner', 'utf8'), fs.readdirSync('..').sort().join()); process.chdir('..');
const w = new Worker('require(\\"worker_threads\\").parentPort.postMessage(require(\\"fs\\").readFileSync(\\"file\\", \\"utf8\\") + require(process.cwd() + \\"/lib.js\\"))', { eval: true }); w.on('message', (m) => console.log(m));
const c = cp.fork('-e', [], { execArgv: ['-e', 'process.send(require(\\"fs\\").statSync(\\"file\\").size)'], env: {} }); c.on('message', (m) => console.log(m));
"`,
};

before(buildNative);

for (const [name, script] of Object.entries(scripts))
  test(name, async () => {
    await compare({ tree: TREE, script });
  });
