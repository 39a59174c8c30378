/** python3. */
import type { Scenario } from "./scenario.js";

export const python: readonly Scenario[] = [
  {
    name: "python files and directories",
    needs: ["python3"],
    script: `python3 - <<'E'
import os, shutil, sys, glob, pathlib, subprocess, tempfile, mmap, filecmp, zipfile, tarfile, fileinput, linecache, json, csv, errno, fcntl, stat
def t(f):
    try: print(f())
    except OSError as e: print(errno.errorcode[e.errno])
for d, ds, fs in sorted(os.walk('.')): ds.sort(); print(d, ds, sorted(fs)) if '.vrift' not in d else None
for d, ds, fs, fd in os.fwalk('src'): print(d, sorted(ds), sorted(fs), sorted(os.listdir(fd)))
print(sorted((e.name, e.is_file(), e.is_symlink(), e.is_dir(follow_symlinks=False), e.inode() == e.stat(follow_symlinks=False).st_ino) for e in os.scandir('.') if e.name != '.vrift'))
print(sorted(glob.glob('**/*.c', recursive=True)), sorted(str(p) for p in pathlib.Path('.').rglob('*.js')), sorted(glob.glob('.*')), sorted(glob.glob('data/t*')))
for n in ['README.md', 'nothing', 'README.md/x', 'dangling', 'src', 'link', '', 'data/\\u00fcn\\u00ef', 'a' * 300]:
    for f in [os.stat, os.lstat, os.listdir, os.readlink, open, os.remove if n in ('nothing', 'README.md/x', 'src', '') else os.path.exists, os.rmdir if n != 'vacant' else str, os.chdir if n != 'src' else str, os.path.getsize if n != 'src' else str]:
        try: r = f(n); r.close() if hasattr(r, 'close') else None; print(n[:9], f.__name__, 'ok')
        except OSError as e: print(n[:9], f.__name__, errno.errorcode[e.errno])
with open('README.md') as f: a = os.fstat(f.fileno()); print(a == os.stat('README.md'), f.readline(), f.tell(), f.seek(2), f.read(3))
with open('data/one', 'r+b') as f: m = mmap.mmap(f.fileno(), 0); m[0:4] = b'MMAP'; m.flush(); m.close()
print(open('data/one').readline(), open('data/one', 'rb').read(4))
with open('data/two', 'r+') as f: f.seek(0, 2); f.write('appended'); f.flush(); print(os.stat('data/two').st_size, os.fstat(f.fileno()) == os.stat('data/two')); f.truncate(2)
print(os.path.getsize('data/two'), filecmp.cmp('README.md', 'link'), filecmp.dircmp('src', 'dlink').common)
t(lambda: open('LICENSE', 'x')); t(lambda: os.mkdir('LICENSE')); t(lambda: os.symlink('x', 'LICENSE')); t(lambda: os.link('README.md', 'LICENSE')); t(lambda: os.rename('src', 'LICENSE')); t(lambda: os.rename('LICENSE', 'src')); t(lambda: os.open('README.md', os.O_DIRECTORY)); t(lambda: os.open('link', os.O_NOFOLLOW)); t(lambda: os.open('data', os.O_WRONLY)); t(lambda: os.truncate('src', 1)); t(lambda: os.mkfifo('LICENSE'))
shutil.copytree('src', 'copied', symlinks=True); shutil.copy2('README.md', 'r2'); print(os.stat('r2').st_mtime_ns == os.stat('README.md').st_mtime_ns); shutil.move('copied', 'vacant'); shutil.rmtree('src'); print(os.path.exists('src/main.c'), sorted(os.listdir('vacant/copied')))
shutil.make_archive(os.environ['OUT'] + '/a', 'zip', 'data'); print(sorted(zipfile.ZipFile(os.environ['OUT'] + '/a.zip').namelist())); zipfile.ZipFile(os.environ['OUT'] + '/a.zip').extractall('vacant'); tarfile.open(os.environ['OUT'] + '/t.tar', 'w').add('lib')
for line in fileinput.input('LICENSE', inplace=True): print(line.replace('clause', 'section'), end='')
print(linecache.getline('LICENSE', 3), json.load(open('lib/data.json')), list(csv.reader(open('data/table.csv')))[1])
pathlib.Path('lib/other.js').write_text('w'); pathlib.Path('lib/touched').touch(); pathlib.Path('lib/index.js').rename('lib/i.js'); pathlib.Path('lib/esm.mjs').unlink(); pathlib.Path('x/y').mkdir(parents=True); pathlib.Path('lib/data.json').replace('lib/touched'); pathlib.Path('h').hardlink_to('lib/i.js') if sys.version_info >= (3, 10) else os.link('lib/i.js', 'h')
os.utime('cpp/main.cc', ns=(5, 6)); os.chmod('cpp/main.cc', 0o600); print(os.stat('cpp/main.cc').st_mtime_ns, oct(os.stat('cpp/main.cc').st_mode)); os.utime('cpp/shape.cc', (7, 8), follow_symlinks=False)
with tempfile.NamedTemporaryFile(dir='data') as f: f.write(b'x'); print(os.path.exists(f.name))
with tempfile.TemporaryDirectory(dir='.') as d: shutil.copy('LICENSE', d)
with tempfile.TemporaryFile(dir='data') as f: f.write(b'x')
d = os.open('data', os.O_RDONLY); print(os.stat('two', dir_fd=d).st_size); os.rename('two', 'deux', src_dir_fd=d, dst_dir_fd=d); os.unlink('two words', dir_fd=d); os.mkdir('m', dir_fd=d); os.chmod('bytes', 0o640, dir_fd=d) if os.chmod in os.supports_dir_fd else None; print(sorted(os.listdir(d)), os.access('numbers', os.R_OK, dir_fd=d)); os.fchdir(d); print(open('numbers').readline()); os.chdir('..')
print(subprocess.run(['cat', 'README.md'], capture_output=True, env={}).stdout, subprocess.run('cat < LICENSE | head -1', shell=True, capture_output=True, cwd='.').stdout, subprocess.run(['cat'], stdin=open('README.md'), capture_output=True).stdout, subprocess.check_output(['sh', '-c', 'cat <&3'], pass_fds=[os.dup2(os.open('LICENSE', os.O_RDONLY), 3)])[:10])
f = open('package.json'); fcntl.flock(f, fcntl.LOCK_EX); print(subprocess.call(['flock', '-n', 'package.json', 'true'])); fcntl.flock(f, fcntl.LOCK_UN); g = open('Makefile', 'r+'); fcntl.lockf(g, fcntl.LOCK_EX); g.close(); s = os.open('README.md', os.O_RDONLY); o = os.open('sent', os.O_CREAT | os.O_WRONLY); print(os.sendfile(o, s, 0, 100), os.copy_file_range(s, o, 10)); os.posix_fadvise(s, 0, 0, os.POSIX_FADV_WILLNEED); os.fsync(s); print(os.listxattr('README.md'), os.statvfs('README.md').f_namemax, os.pathconf('README.md', 'PC_NAME_MAX'), os.path.realpath('dlink/part.h')[-6:], os.path.ismount('data'))
os.closerange(3, 40); os.removedirs('x/y'); os.replace('README.md', 'link'); print(os.path.islink('link')); print(sorted(os.listdir('.')))
E`,
  },
  {
    name: "python modules, compileall, processes",
    needs: ["python3"],
    script: `unset PYTHONDONTWRITEBYTECODE; python3 -m pkg; ls pkg/__pycache__ | wc -l; sed -i s/7/8/ pkg/helper.py; python3 -m pkg; python3 -m compileall -q . ; find . -name '*.pyc' | wc -l; python3 -O -m compileall -qf pkg; PYTHONPATH=. python3 -c 'import pkg.sub; print(pkg.sub.value, pkg.helper.__file__[-13:])'; echo 'value = 9' > pkg/helper.py; touch -d @1 pkg/helper.py; python3 -m pkg; mv pkg/helper.py pkg/sub/; python3 -m pkg 2>&1 | tail -1; python3 -m zipapp pkg -o $OUT/p.pyz -m helper:value; python3 -m json.tool lib/data.json; python3 -m py_compile pkg/sub/helper.py; rm -rf pkg/__pycache__ pkg/sub/__pycache__; python3 - <<'E'
import multiprocessing, os, concurrent.futures, threading, signal, pathlib, importlib.util, sys, runpy
sys.dont_write_bytecode = True
def size(n): return len(open(n, 'rb').read())
names = sorted('data/' + n for n in os.listdir('data'))
with multiprocessing.get_context('fork').Pool(3) as p: print(p.map(size, names))
with concurrent.futures.ThreadPoolExecutor(4) as p: print(sum(p.map(size, names * 20)))
def append(i):
    for k in range(20):
        with open('LICENSE', 'a') as f: f.write(f'{i} {k}\\n')
ps = [multiprocessing.get_context('fork').Process(target=append, args=(i,)) for i in range(4)]
[p.start() for p in ps]; [p.join() for p in ps]
print(len(open('LICENSE').readlines())); open('LICENSE', 'w').write('done')
signal.signal(signal.SIGALRM, lambda *a: os.stat('README.md')); signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001); print(sum(len(pathlib.Path(n).read_bytes()) for n in names * 30)); signal.setitimer(signal.ITIMER_REAL, 0)
s = importlib.util.spec_from_file_location('m', 'pkg/sub/helper.py'); m = importlib.util.module_from_spec(s); s.loader.exec_module(m); print(m.value, runpy.run_path('pkg/sub/helper.py')['value'])
r, w = os.pipe()
f = os.fork()
if f == 0: os.write(w, open('data/two', 'rb').read()); os._exit(0)
os.waitpid(f, 0); print(os.read(r, 10)); print(os.system('cat data/two'), os.popen('cat data/two').read(), os.spawnlp(os.P_WAIT, 'cat', 'cat', 'data/two'), os.waitpid(os.posix_spawnp('cat', ['cat'], os.environ, file_actions=[(os.POSIX_SPAWN_OPEN, 0, 'data/two', os.O_RDONLY, 0)]), 0)[1]); sys.stdout.flush(); os.execlp('cat', 'cat', 'data/no-newline')
E`,
    ignore: /__pycache__\//,
  },
  {
    name: "sqlite3 with two writers",
    needs: ["python3"],
    before: `python3 -c '
import sqlite3
for name, mode in (("wal.db", "wal"), ("roll.db", "delete")):
    c = sqlite3.connect(name); c.execute("pragma journal_mode=" + mode); c.execute("create table t (w, n)"); c.executemany("insert into t values (?, ?)", [(9, i) for i in range(500)]); c.commit(); c.close()'`,
    script: `cat > w.py <<'E'
import sqlite3, sys
c = sqlite3.connect(sys.argv[1], timeout=120, isolation_level=None)
for i in range(40):
    c.execute("begin immediate"); c.execute("insert into t values (?, ?)", (int(sys.argv[2]), i)); c.execute("commit")
    if i % 10 == 0: c.execute("select count(*) from t").fetchone()
c.close()
E
for d in wal.db roll.db; do for w in 1 2; do python3 w.py $d $w & done; wait; python3 -c 'import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); print(c.execute("select w, count(*), sum(n) from t group by w order by w").fetchall(), c.execute("pragma integrity_check").fetchone())' $d; done; python3 -c '
import sqlite3
c = sqlite3.connect("roll.db"); c.execute("delete from t where w = 9"); c.commit(); c.execute("vacuum"); c.execute("attach \\"wal.db\\" as o"); print(c.execute("select count(*) from o.t").fetchone()); c.close()
c = sqlite3.connect("file:roll.db?mode=ro", uri=True); print(c.execute("select count(*) from t").fetchone())
try: c.execute("delete from t")
except sqlite3.OperationalError as e: print(e)'; ls *.db*`,
    volatile: /\.db$/,
  },
  {
    name: "sqlite3 of the shell",
    needs: ["sqlite3"],
    before: "sqlite3 s.db 'create table t (a); insert into t values (1), (2)'",
    script:
      "sqlite3 s.db 'select * from t'; sqlite3 -readonly s.db 'select sum(a) from t'; sqlite3 s.db 'insert into t values (3); select count(*) from t'; sqlite3 s.db .dump; sqlite3 s.db '.import --csv data/table.csv c' 'select count(*) from c' '.backup b.db'; sqlite3 b.db 'pragma integrity_check'; ls *.db*",
    volatile: /\.db$/,
  },
  {
    name: "python venv",
    needs: ["python3"],
    heavy: true,
    script: `python3 -m venv --without-pip v && v/bin/python -c 'import sys, os; print(os.path.relpath(sys.prefix), sys.prefix != sys.base_prefix)'; cp -r pkg v/lib/python3*/site-packages/; (cd vacant && ../v/bin/python -m pkg); . v/bin/activate; python -m pkg; python3 -m venv --upgrade --without-pip v; python3 -m venv v2 > $OUT/log 2>&1 && v2/bin/pip --version | cut -d' ' -f1; v2/bin/pip list --disable-pip-version-check 2>/dev/null | head -3 | cut -d' ' -f1; v2/bin/python -m compileall -q v2 > /dev/null; rm -rf v; ls`,
    ignore: /__pycache__|^v2\//,
  },
];
