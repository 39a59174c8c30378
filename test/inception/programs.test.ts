import { spawnSync } from "node:child_process";
import { before, test } from "node:test";
import { buildNative, compare, type Scenario, type TreeSpec } from "./phantom-fixture.js";

const TREE: TreeSpec = {
  "README.md": "# a project\n\nwith words in it\n",
  "empty.txt": "",
  "src/main.c":
    '#include <stdio.h>\n#include "part/part.h"\nint main(void) { printf("%d\\n", part()); return 0; }\n',
  "src/part/part.h": "int part(void);\n",
  "src/part/part.c": '#include "part.h"\nint part(void) { return 42; }\n',
  "src/deep/er/still/leaf.txt": "leaf\n",
  "data/one": "one\n".repeat(3000),
  "data/two": "two\n",
  "data/two words": "spaces\n",
  "run.sh": "!#!/bin/sh\necho ran with $# arguments\n",
  "lib/index.js": "module.exports = require('./other');\n",
  "lib/other.js": "module.exports = 'other';\n",
  "lib/data.json": '{"n": 1}\n',
  "pkg/mod.py": "import helper\nprint(helper.value)\n",
  "pkg/helper.py": "value = 7\n",
  link: "->README.md",
  dlink: "->src/part",
  dangling: "->nowhere",
  up: "->../tree/data/two",
  "vacant/": "",
  Makefile:
    "prog: src/main.o src/part/part.o\n\tcc -o $@ $^\n%.o: %.c\n\tcc -Isrc -c -o $@ $<\nsrc/main.o: src/part/part.h\n.PHONY: clean\nclean:\n\trm -f prog src/*.o src/part/*.o\n",
};

const scenarios: Record<string, string | Omit<Scenario, "tree">> = {
  "ls -l, sorted":
    "ls -lAR --time-style=full-iso . | grep -v ^total | sed 's/^\\(d\\|l\\).* \\([^ ]*\\)$/\\1 \\2/'",
  "cat, head, wc, cmp, od":
    "cat README.md link dlink/part.h; wc -c data/* empty.txt; cmp data/one data/two; head -c 5 data/one; od -c up",
  "absent names":
    "cat nothing; cat README.md/x; cat src/nothing/at/all; cat dangling; ls vacant; stat -c %s nothing; cat dlink/nothing",
  "links through files":
    "ln -s README.md/x l; ln -s l/y m; ln -s ../README.md/z data/up; ln -s no/where n; for p in l l/ l/x m m/y data/up data/up/q n/a n; do for c in 'stat -L' cat touch 'chmod 600' 'ls -d' mkdir 'mv -t data' rmdir rm; do $c $p; done; ln $p q; : > $p; done 2>&1 | sed 's/^.*: //'; ls -AR",
  "odd paths":
    "cat ./src//part/./part.h src/../README.md dlink/../main.c src/part/../../README.md $PWD//README.md; cat README.md/; cat README.md/.; ls data/two/; cd src/deep; cat ../part/part.h; cat ../../dlink/part.h",
  "test operators":
    "for f in README.md nothing src link dangling run.sh empty.txt; do for o in e f d L r w x s; do [ -$o $f ] && echo $f $o; done; done; [ README.md -nt data/two ]; echo $?; [ README.md -ef link ]; echo $?",
  globs:
    "echo *; echo data/*; echo src/**/*.c; echo [Rr]*; shopt -s globstar nullglob; echo **/*.txt; echo nothing*",
  "grep -r": "grep -r part . | sort; grep -rl one data; grep -c one data/one",
  find: "find . -type f -size -10k | sort; find . -name '*.c' -newer README.md | sort; find . -empty | sort; find -L . -type f | sort; find . -type f -exec cat {} + | sort | md5sum; find . -printf '%y %p %s %m\\n' | grep -v ^d | sort",
  "tar out and in":
    "tar cf - . --exclude=.vrift | tar tvf - --full-time | grep -v '^[dl]' | tr -s ' ' | sort; tar cf ../t.tar src data README.md && rm -r src data && tar xf ../t.tar && cat src/part/part.c",
  "cp -a out":
    "cp -a . ../out; diff -r --exclude=.vrift . ../out 2>&1 | grep -v nowhere; ls -l --time-style=full-iso ../out/data/* ../out/README.md; rm -r ../out",
  "cp inside":
    "cp README.md copy; cp -a data data2; cp -r src src2; cp -p data/one data/uno; cp data/two README.md; cp -n data/one data/two; cp --reflink=auto lib/data.json lib/x.json; ls data2 src2; cat README.md",
  "mv files":
    "mv README.md read.me; mv data/one .; mv lib/other.js lib/index.js; mv -n data/two data/three; mv empty.txt vacant; ls -A . data lib vacant; cat lib/index.js",
  "mv directories":
    "mv src source; mv source/part lib/part; mv data src; mv src/two src/deux; ls -R source lib src; cat lib/part/part.c; mv lib/part .; mv part src/part; cat src/part/part.h; mv vacant src/part; mv src/part vacant 2>&1",
  "mv onto":
    "mv data/two data/one; cat data/one; mkdir d; mv -T d vacant; mv -T vacant data; mv -T README.md lib; mv -T lib README.md; mv -T src src/part; ls -A",
  "mv a b; mv b a":
    "mv README.md b; mv b README.md; cat README.md; mv src s; mv s src; cat src/main.c; mv README.md x; echo new > README.md; cat README.md x",
  rm: "rm README.md; ls README.md; rm README.md; rm data/two data/one; rmdir data; rm -r lib; ls; rm -rf src pkg; mkdir src; ls -A src; rm -f nothing; rm vacant; rm -d vacant; cat src/main.c; echo x > README.md; cat README.md; rm README.md; ls",
  "rm -r of everything": "rm -rf *; ls -A",
  "rmdir of a full directory":
    "rmdir src; rmdir data; rmdir vacant; rm data/*; rmdir data; ls -A; mkdir data; ls data; rmdir data",
  touch:
    "touch README.md new; touch -d @1000000 data/one; touch -r data/two src/main.c; touch -c nothing; touch -h link; stat -c '%n %Y' data/one src/main.c; touch -a -d @5 data/two; stat -c %X data/two",
  chmod:
    "chmod 600 README.md; chmod +x data/one; chmod -R go-rwx src; chmod 444 lib/data.json; chmod u+w dlink/part.h; chmod 644 nothing; stat -c '%a %n' README.md data/one src/*.c lib/data.json",
  chown:
    "chown $(id -u):$(id -g) README.md; chown -h $(id -u) link; chown -R $(id -u) lib; stat -c '%u %n' README.md lib/*",
  ln: "ln README.md hard; ls -l hard | cut -c1-12; echo more >> hard; cat README.md; ln -s data/one soft; cat soft | wc -l; ln -s x data/two; ln data/two data/one; ln -f data/two data/one; cat data/one; ln -sf README.md data/two; readlink data/two; stat -c '%h' README.md data/one",
  "ln on links": "ln -L link hard; cat hard; ln -P link symbolic; readlink symbolic; stat -c %F symbolic",
  redirections:
    "echo a > README.md; echo b >> README.md; cat README.md; echo c >> data/two; echo d > data/new; cat data/two data/new; : > data/one; wc -c data/one; echo e >> link; cat README.md; echo f > dangling; cat nowhere; set -C; echo g > data/two; echo h > fresh; cat fresh",
  "exec redirections":
    "exec 3> out; echo one >&3; exec 4< README.md; read -u 4 line; echo $line >&3; read -u 4; read -u 4 line; echo $line >&3; exec 3>&- 4<&-; cat out; exec 5<> data/two; read -u 5 x; echo $x; echo more >&5; exec 5>&-; cat data/two",
  "here documents and pipes":
    "cat < README.md | tr a-z A-Z > upper; cat upper; cat <<E > here\n$(cat data/two)\nE\ncat here; while read l; do echo $l; done < src/main.c; diff <(cat README.md) README.md && echo same; wc -l < data/one",
  dash: {
    script:
      "cat README.md; echo x > data/two; cat data/two; for i in data/*; do echo $i; done; [ -f lib/index.js ] && . ./run.sh; exec 9>lock; flock 9; echo locked; read x < README.md; echo $x",
    shell: "dash",
  },
  "sed -i":
    "sed -i s/words/letters/ README.md; cat README.md; sed -i.bak s/one/1/ data/one; head -1 data/one data/one.bak; sed -i s/x/y/ link nothing; cat link; sed -n 1p data/two; sed -i --follow-symlinks s/a/b/ link; readlink link; cat README.md; ls -A . data",
  "patch and diff":
    "cp README.md /tmp/vr.$$; sed s/words/tokens/ README.md > /tmp/vr.$$.2; diff -u --label a/README.md --label b/README.md README.md /tmp/vr.$$.2 > p.diff; patch -p1 < p.diff; cat README.md; patch -R -p1 < p.diff; cat README.md; printf -- '--- /dev/null\\n+++ b/neu\\n@@ -0,0 +1 @@\\n+neu\\n' | patch -p1; cat neu; patch -p1 --backup < p.diff; ls; rm /tmp/vr.$$*",
  "sort -o, tee, split, truncate, dd":
    "sort -o data/two data/two README.md; cat data/two; echo t | tee README.md data/new; cat README.md; split -l 1000 data/one part.; ls part.*; truncate -s 4 data/one; cat data/one; truncate -s 10 lib/data.json; od -c lib/data.json; dd if=src/main.c of=src/part/part.c bs=1 count=10 conv=notrunc 2>/dev/null; cat src/part/part.c; dd if=/dev/zero of=data/one bs=8 count=1 seek=1 2>/dev/null; od -c data/one",
  "an editor's save":
    "cp README.md README.md~; printf new > .README.swp; mv .README.swp README.md; cat README.md README.md~; printf x > t; mv -f t link; cat link; ls -la link | cut -c1; printf y > data/4913; rm data/4913; mv data/two data/two~; printf z > data/two; rm data/two~; cat data/two; ls data",
  "hard-link lock":
    "echo me > lock.tmp; ln lock.tmp lock && echo got; ln lock.tmp lock 2>/dev/null || echo taken; rm lock.tmp; mkdir README.md 2>&1; mkdir lock.d && rmdir lock.d; ln -s x README.md 2>&1; mknod README.md p 2>&1; mkfifo pipe; (echo through > pipe &); cat pipe; ls -l pipe | cut -c1",
  "make and gcc":
    "make 2>&1; ./prog; make; touch src/part/part.h; make; echo 'int part(void) { return 43; }' > src/part/part.c; make; ./prog; rm src/part/part.h; make 2>&1 | sed 's/\\[.*\\]//'; make clean; ls src",
  "gcc by itself":
    "gcc -MMD -c -Isrc src/main.c -o /tmp/vr-main.$$.o && rm /tmp/vr-main.$$.o; cat *.d | sed s/vr-main.[0-9]*/o/; gcc -E -Isrc src/main.c | grep -v '^#' | tail -2; gcc -o prog -Isrc src/main.c src/part/part.c && ./prog; ar rcs lib.a data/two README.md; ar t lib.a; echo 'int x' > src/part/part.c; gcc -c -Isrc src/part/part.c 2>&1 | head -3; rm -f *.d lib.a prog",
  python: `python3 - <<'E'
import os, shutil, sys, glob, pathlib, subprocess, tempfile, mmap
print(sorted(os.listdir('.'))); print(sorted(e.name + str(e.is_file()) + str(e.stat().st_size if e.is_file() else 0) for e in os.scandir('data')))
for d, ds, fs in sorted(os.walk('src')): print(d, sorted(ds), sorted(fs))
print(sorted(glob.glob('**/*.py', recursive=True)), os.path.realpath('dlink/part.h')[-20:], os.path.realpath('up')[-14:], os.path.samefile('link', 'README.md'))
with open('README.md') as f:
    s = os.fstat(f.fileno()); t = os.stat('README.md'); print((s.st_ino, s.st_dev, s.st_mtime_ns, s.st_mode, s.st_nlink) == (t.st_ino, t.st_dev, t.st_mtime_ns, t.st_mode, t.st_nlink)); print(f.read())
with open('data/one', 'rb') as f: m = mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ); print(m[:8], len(m))
with open('data/two', 'r+') as f: f.seek(0, 2); f.write('appended'); f.flush(); print(os.stat('data/two').st_size)
with open('data/new', 'x') as f: f.write('x')
try: open('README.md', 'x')
except FileExistsError as e: print(e)
try: open('README.md/x')
except OSError as e: print(e)
try: os.mkdir('README.md')
except OSError as e: print(e)
try: os.rmdir('data')
except OSError as e: print(e)
try: os.readlink('README.md')
except OSError as e: print(e)
try: os.chdir('README.md')
except OSError as e: print(e)
try: os.listdir('README.md')
except OSError as e: print(e)
os.rename('lib/other.js', 'lib/o.js'); os.replace('lib/data.json', 'lib/o.js'); print(open('lib/o.js').read())
shutil.copytree('src', 'copied'); shutil.copy2('README.md', 'r2'); print(os.stat('r2').st_mtime_ns == os.stat('README.md').st_mtime_ns)
shutil.rmtree('src'); print(os.path.exists('src'), os.path.exists('src/main.c'))
pathlib.Path('pkg/helper.py').write_text('value = 8\\n'); pathlib.Path('pkg/touched').touch(); os.truncate('copied/main.c', 3)
print(subprocess.run(['cat', 'README.md'], capture_output=True, env={}).stdout, subprocess.run(['cat', 'mod.py'], cwd='pkg', capture_output=True).stdout, subprocess.run('wc -c < data/one', shell=True, capture_output=True, env={'PATH': os.environ['PATH']}).stdout)
print(subprocess.run(['cat'], stdin=open('README.md'), capture_output=True, close_fds=True).stdout)
fd, n = tempfile.mkstemp(dir='data'); os.write(fd, b't'); os.close(fd); os.rename(n, 'data/made')
print(os.access('README.md', os.R_OK), os.access('README.md', os.X_OK), os.access('nothing', os.F_OK)); os.chmod('data/made', 0o640)
d = os.open('data', os.O_RDONLY); print(os.stat('two', dir_fd=d).st_size, open(os.open('two words', os.O_RDONLY, dir_fd=d)).read()); os.unlink('two words', dir_fd=d); print(sorted(os.listdir(d)))
os.chdir('lib'); print(open('index.js').read(), open('../README.md').read()[:5], os.getcwd()[-4:]); os.fchdir(d); print(os.path.exists('one'), os.path.exists('index.js'))
E
cd pkg && python3 mod.py; rm -rf __pycache__; python3 -m compileall -q . ; ls; rm -rf __pycache__`,
  node: `node - <<'E'
const fs = require('fs'), cp = require('child_process'), path = require('path');
const say = (f) => { try { console.log(f()); } catch (e) { console.log(e.code, e.syscall); } };
say(() => fs.readdirSync('.').sort().join()); say(() => fs.readdirSync('data', {withFileTypes: true}).map(e => e.name + e.isFile()).sort().join());
say(() => fs.readdirSync('src', {recursive: true}).sort().join());
for (const f of ['README.md', 'nothing', 'README.md/x', 'dlink/part.h', 'up', 'dangling', 'src']) { say(() => fs.statSync(f).size > 4000 ? 'big' : fs.statSync(f).isFile()); say(() => fs.existsSync(f)); say(() => fs.lstatSync(f).isSymbolicLink()); say(() => path.basename(fs.realpathSync(f))); say(() => path.basename(fs.realpathSync.native(f))); say(() => fs.readFileSync(f, 'utf8').length); }
say(() => require('./lib/index.js')); say(() => require('./lib/data.json').n);
const fd = fs.openSync('README.md'); say(() => fs.fstatSync(fd).ino === fs.statSync('README.md').ino && fs.fstatSync(fd).mtimeMs === fs.statSync('README.md').mtimeMs); say(() => fs.readSync(fd, Buffer.alloc(5))); fs.closeSync(fd);
fs.writeFileSync('data/two', 'rewritten'); fs.appendFileSync('README.md', 'end\\n'); fs.copyFileSync('data/one', 'data/copy'); fs.renameSync('lib/other.js', 'lib/o.js'); fs.unlinkSync('data/two words'); say(() => fs.writeFileSync('lib/data.json', '', {flag: 'wx'}));
say(() => fs.mkdirSync('README.md')); say(() => fs.rmdirSync('src')); fs.rmSync('src', {recursive: true}); say(() => fs.existsSync('src/main.c')); fs.cpSync('data', 'data3', {recursive: true}); fs.utimesSync('pkg/mod.py', 1, 2); fs.chmodSync('pkg/mod.py', 0o600); fs.mkdtempSync('vacant/t-'); fs.readdirSync('vacant').forEach(n => fs.rmdirSync('vacant/' + n));
say(() => cp.execFileSync('/bin/cat', ['README.md'], {env: {}}).toString()); say(() => cp.execSync('cat lib/o.js', {env: {}}).toString()); say(() => cp.spawnSync('cat', [], {stdio: [fs.openSync('pkg/helper.py'), 'pipe', 'inherit']}).stdout.toString()); say(() => cp.spawnSync('cat', ['mod.py'], {cwd: 'pkg'}).stdout.toString());
(async () => { const p = fs.promises; console.log((await p.readFile('README.md', 'utf8')).length, (await p.stat('pkg/mod.py')).mode); await p.writeFile('late', 'x'); await p.rm('late'); for await (const e of await p.opendir('lib')) 0; console.log((await p.readdir('lib')).sort()); await new Promise(r => fs.createReadStream('data/one').pipe(fs.createWriteStream('data/piped')).on('close', r)); console.log((await p.readFile('data/piped')).length); })();
E`,
  git: {
    script:
      "git init -q -b main . && echo .vrift > .git/info/exclude && git config user.email a@b && git config user.name n && git add . && git commit -qm first && git ls-files -s && git status --short && echo change >> README.md && rm data/two && git mv lib/other.js lib/o.js && git status --short && git diff && git commit -qam second && git log --oneline --format=%s && git checkout -q HEAD~1 && cat README.md data/two && git checkout -q main && git stash -q 2>&1; git checkout -q -b side HEAD~1 && echo side > side.txt && git add side.txt && git commit -qm side && git merge -q -m merged main && git clean -fdq && git status --short && git grep -n part | sort && git gc -q && git fsck && rm src/main.c && git checkout src/main.c && cat src/main.c && git rm -q -r pkg && ls && git reset -q --hard && ls pkg && git archive HEAD | tar t",
    ignore: /(^| |\/)\.git(\/| |$)/,
    normalise: (text) => text.replace(/\b[0-9a-f]{7,40}\b/g, "ID"),
  },
  "git of a tree that has its repository": {
    script: "git init -q .; git status --short | sort; git clone -q . ../cloned 2>&1; rm -rf ../cloned",
    ignore: /(^| |\/)\.git(\/| |$)/,
    normalise: (text) => text.replace(/^\?\? \.vrift\/\n/m, ""),
  },
  "xargs, install, rsync-like":
    "find data -type f | sort | xargs cat | wc -c; install -m 600 README.md data/two; stat -c %a data/two; install -d a/b/c; install -D README.md a/b/c/d; cat a/b/c/d; cat data/two | head -1; comm -12 <(sort README.md) <(sort data/two) | wc -l; du --apparent-size -b README.md data/one | cut -f1; sha1sum data/*; file README.md 2>/dev/null | head -1; nl README.md; tac data/two; paste README.md data/two; tail -n 2 data/one; tail -c 3 README.md",
  "sockets, fifos and locks":
    "exec 9>lock; flock -n 9 && echo got; flock -n lock -c true || echo held; flock -n README.md -c 'flock -n README.md true || echo busy'; flock -s README.md cat README.md; exec 8<README.md; flock -n 8 && cat <&8",
  "locks on descriptors that were opened for reading":
    "exec 9<README.md; read -u 9 line; flock -n 9 && echo got; flock -n README.md true || echo held; read -u 9 next; cat <&9; exec 9<&-; flock -n README.md true && echo free; exec 3<data/one; exec 5<&3; flock 3; flock -n data/one true || echo held; read -u 3 a; read -u 5 b; head -c 8 <&3; exec 3<&-; flock -n data/one true || echo held; exec 5<&-; flock -n data/one true && echo free; (flock -n 7 && echo got; flock -n data/two true || echo held) 7<data/two; { flock -n lib/data.json true || echo held; } {fd}<lib/data.json; sh -c 'exec 4<empty.txt; flock 4; flock -n empty.txt true || echo held'",
  "tail -f of a file that is appended to":
    "true > ../tailed; tail -n 2 -f README.md > ../tailed 2> /dev/null & t=$!; until grep -q words ../tailed; do :; done; echo more >> README.md; for i in $(seq 200); do grep -q more ../tailed && break; sleep 0.05; done; kill $t; wait $t 2> /dev/null; cat ../tailed; rm ../tailed",
  "descriptor paths":
    "cat /dev/stdin < README.md; cat /dev/fd/3 3< data/two; readlink /proc/self/fd/3 3< README.md | sed 's/.*tree/tree/'; echo x > /dev/fd/3 3>> data/two; cat data/two; wc -c /proc/self/fd/5 5< data/one",
  "programs that are not there":
    "./README.md; ./nothing; sh ./run.sh a b; ./run.sh a; env -i ./run.sh; env -i cat README.md; exec ./lib/index.js",
};

before(buildNative);

/** Programs that a machine may lack: without them the scenario would compare two lines of "not found". */
const needed: Record<string, string> = { python: "python3", "patch and diff": "patch" };

for (const [name, scenario] of Object.entries(scenarios)) {
  const program = needed[name];
  const absent = program !== undefined && spawnSync(program, ["--version"]).error !== undefined;
  test(name, { skip: absent && `no ${program}` }, async () => {
    await compare({ tree: TREE, ...(typeof scenario === "string" ? { script: scenario } : scenario) });
  });
}
