/** node: every style of fs, workers, children, modules, addons. */
import type { Scenario } from "./scenario.js";

export const node: readonly Scenario[] = [
  {
    name: "node fs, synchronous",
    script: String.raw`node - <<'E'
const fs = require('fs'), path = require('path');
const say = (f) => { try { console.log(f()); } catch (e) { console.log(e.code, e.syscall); } };
for (const n of ['README.md', 'nothing', 'README.md/x', 'dangling', 'src', 'link', 'dlink/part.h', 'run.sh', '.', 'data/ünï', 'a'.repeat(300)]) {
  for (const f of ['statSync', 'lstatSync', 'readFileSync', 'readdirSync', 'readlinkSync', 'existsSync', 'accessSync', 'realpathSync'])
    say(() => { const r = fs[f](n); return f + ' ' + (r && r.isFile ? [r.isFile(), r.isSymbolicLink(), r.isDirectory() ? '' : r.size, r.mode, n === '.' ? '' : r.mtimeMs, r.isDirectory() ? '' : r.nlink] : Array.isArray(r) ? r.sort() : Buffer.isBuffer(r) ? r.length : typeof r === 'string' ? path.basename(r) : r); });
  say(() => fs.statSync(n, { throwIfNoEntry: false })?.isFile()); say(() => path.basename(fs.realpathSync.native(n))); say(() => fs.accessSync(n, fs.constants.X_OK)); say(() => fs.statfsSync(n).bsize);
}
say(() => fs.readdirSync('.', { withFileTypes: true }).map(e => [e.name, e.isFile(), e.isSymbolicLink()].join()).sort().join(' ')); say(() => fs.readdirSync('src', { recursive: true }).sort().join()); say(() => { const d = fs.opendirSync('lib', { bufferSize: 1 }), r = []; for (let e; (e = d.readSync());) r.push(e.name); d.closeSync(); return r.sort().join(); });
const fd = fs.openSync('README.md'); say(() => { const a = fs.fstatSync(fd, { bigint: true }), b = fs.statSync('README.md', { bigint: true }); return a.ino === b.ino && a.mtimeNs === b.mtimeNs && a.dev === b.dev && a.ctimeNs === b.ctimeNs; }); say(() => fs.readSync(fd, Buffer.alloc(9), 0, 9, 2)); say(() => fs.readvSync(fd, [Buffer.alloc(3), Buffer.alloc(4)])); say(() => fs.ftruncateSync(fd, 1)); say(() => fs.writeSync(fd, 'x')); say(() => fs.fsyncSync(fd)); fs.closeSync(fd); say(() => fs.fstatSync(fd));
for (const flag of ['r', 'r+', 'rs', 'w', 'wx', 'w+', 'a', 'ax', 'a+', 'as']) for (const n of ['LICENSE', 'data/no-newline', 'vacant', 'nothing-' + flag]) say(() => { const d = fs.openSync(n, flag, 0o640); const s = fs.fstatSync(d).size; fs.closeSync(d); return flag + n + (n === 'vacant' ? '' : s); });
fs.writeFileSync('data/two', 'rewritten'); fs.writeFileSync('data/numbers', 'mid', { flag: 'r+' }); fs.appendFileSync('README.md', 'end\n'); fs.copyFileSync('data/one', 'data/copy'); say(() => fs.copyFileSync('data/one', 'data/two', fs.constants.COPYFILE_EXCL)); say(() => fs.copyFileSync('src', 'x')); fs.renameSync('lib/other.js', 'lib/o.js'); say(() => fs.renameSync('lib', 'README.md')); say(() => fs.renameSync('nothing', 'x')); fs.unlinkSync('data/two words'); say(() => fs.unlinkSync('src')); say(() => fs.unlinkSync('data/two words')); say(() => fs.mkdirSync('README.md')); say(() => path.basename(fs.mkdirSync('p/q/r', { recursive: true }))); say(() => fs.mkdirSync('p/q/r', { recursive: true })); say(() => fs.mkdirSync('README.md/q', { recursive: true })); say(() => fs.rmdirSync('src')); fs.rmSync('src', { recursive: true }); say(() => fs.existsSync('src/main.c')); say(() => fs.rmSync('nothing')); fs.rmSync('nothing', { force: true }); fs.cpSync('data', 'data3', { recursive: true, preserveTimestamps: true }); fs.linkSync('lib/o.js', 'hard'); fs.symlinkSync('lib/o.js', 'sym'); say(() => fs.linkSync('lib/o.js', 'README.md'));
fs.utimesSync('pkg/helper.py', 1, 2); fs.lutimesSync('link', 3, 4); fs.chmodSync('pkg/helper.py', 0o600); fs.truncateSync('cpp/main.cc', 4); fs.chownSync('cpp/main.cc', process.getuid(), process.getgid()); const w = fs.openSync('cpp/shape.cc', 'r+'); fs.writeSync(w, 'XX', 3); fs.futimesSync(w, 5, 6); fs.fchmodSync(w, 0o644); fs.fdatasyncSync(w); fs.closeSync(w); const t = fs.mkdtempSync('vacant/t-'); fs.rmdirSync(t); say(() => fs.readFileSync('cpp/shape.cc', 'latin1').slice(0, 8)); say(() => fs.readdirSync('.').sort().join()); say(() => fs.readdirSync('data3').sort().join());
E`,
  },
  {
    name: "node fs, callbacks, promises and streams",
    script: String.raw`cat > s.js <<'E'
const fs = require('fs'), p = fs.promises, { pipeline } = require('stream/promises'), zlib = require('zlib'), path = require('path'), readline = require('readline');
const say = async (f) => { try { console.log(await f()); } catch (e) { console.log(e.code, e.syscall); } };
const cb = (f, ...a) => new Promise((y, n) => fs[f](...a, (e, r) => e ? n(e) : y(r)));
(async () => {
  for (const n of ['README.md', 'nothing', 'README.md/x', 'dangling', 'src', 'link']) { for (const f of ['stat', 'lstat', 'readFile', 'readdir', 'readlink', 'access', 'realpath']) { const show = (r) => f + (r?.isFile ? [r.isFile(), r.isDirectory() ? '' : r.size, r.mtimeMs] : Array.isArray(r) ? r.sort() : Buffer.isBuffer(r) ? r.length : typeof r === 'string' ? path.basename(r) : r); await say(async () => show(await p[f](n))); await say(async () => show(await cb(f, n))); } await say(() => new Promise((y) => fs.exists(n, y))); }
  console.log((await Promise.all(Array.from({ length: 200 }, (_, i) => p.readFile(['README.md', 'data/one', 'LICENSE', 'lib/index.js'][i % 4])))).reduce((a, b) => a + b.length, 0));
  await Promise.all(Array.from({ length: 50 }, (_, i) => p.appendFile('data/two', 'line ' + i + '\n'))); console.log((await p.readFile('data/two', 'utf8')).trim().split('\n').sort().length); await p.writeFile('data/two', 'settled');
  const h = await p.open('README.md', 'r+'); await h.write('HANDLE', 2); console.log((await h.stat()).size, (await h.readFile('utf8')).length, (await p.stat('README.md')).ino === (await h.stat()).ino); await h.truncate(5); await h.utimes(1, 2); await h.chmod(0o600); await h.sync(); await h.close(); for await (const l of (await p.open('LICENSE')).readLines()) if (/ 3:/.test(l)) console.log(l);
  await pipeline(fs.createReadStream('data/one'), fs.createWriteStream('data/piped')); await pipeline(fs.createReadStream('data/one', { start: 10, end: 30 }), fs.createWriteStream('LICENSE', { flags: 'a' })); await pipeline(fs.createReadStream('data/piped'), zlib.createGzip(), zlib.createGunzip(), fs.createWriteStream('data/numbers')); console.log((await p.readFile('data/numbers')).length, (await p.readFile('LICENSE', 'utf8')).slice(-20)); await pipeline(fs.createReadStream('data/two'), fs.createWriteStream('cpp/main.cc', { flags: 'r+', start: 3 })); console.log((await p.readFile('cpp/main.cc', 'utf8')).slice(0, 20)); await new Promise((y) => fs.createReadStream('nothing').on('error', (e) => y(console.log(e.code)))); await new Promise((y) => fs.createWriteStream('src').on('error', (e) => y(console.log(e.code)))); const rl = readline.createInterface({ input: fs.createReadStream('data/table.csv') }); let n = 0; for await (const _ of rl) n++; console.log(n);
  await p.rename('lib/other.js', 'lib/o.js'); await p.copyFile('lib/o.js', 'lib/c.js'); await p.link('lib/o.js', 'hard'); await p.unlink('lib/index.js'); await p.mkdir('m/n', { recursive: true }); await p.cp('pkg', 'm/pkg', { recursive: true }); await p.rm('pkg', { recursive: true }); await p.symlink('x', 's'); await p.utimes('lib/esm.mjs', 7, 8); await p.truncate('lib/worker.js', 5); await p.rmdir('vacant'); for (const [f, ...a] of [['mkdir', 'LICENSE'], ['rmdir', 'data'], ['unlink', 'data'], ['rename', 'data', 'LICENSE'], ['link', 'LICENSE', 'README.md'], ['open', 'README.md', 'wx'], ['opendir', 'LICENSE'], ['mkdtemp', 'nothing/x']]) await say(async () => { await p[f](...a); return f; }); const names = []; for await (const e of await p.opendir('data')) names.push(e.name); console.log(names.sort().join()); console.log((await p.readdir('.', { recursive: true })).sort().join());
})();
E
node s.js 2>&1`,
  },
  {
    name: "node watching",
    script: String.raw`cat > w.js <<'E'
const fs = require('fs');
const until = (what, start, go, good) => { const t = setTimeout(() => { console.log(what, 'nothing'); process.exit(1); }, 30000); start((...a) => { if (!good(...a)) return; console.log(what, 'heard'); process.exit(); }); go(); };
const watch = (n, o = {}) => (f) => fs.watch(n, o, f);
const cases = [
  () => until('file appended', watch('README.md'), () => fs.appendFileSync('README.md', 'x'), () => true),
  () => until('file written by another', watch('LICENSE'), () => require('child_process').spawn('sh', ['-c', 'echo x >> LICENSE']), () => true),
  () => until('directory, new name', watch('data'), () => fs.writeFileSync('data/fresh', ''), (_, n) => n === 'fresh'),
  () => until('directory, first write of a file', watch('lib'), () => fs.writeFileSync('lib/other.js', 'x'), (_, n) => n === 'other.js'),
  () => until('directory, unlink', watch('pkg'), () => fs.unlinkSync('pkg/helper.py'), (_, n) => n === 'helper.py'),
  () => until('directory, rename', watch('cpp'), () => fs.renameSync('cpp/main.cc', 'cpp/m.cc'), (_, n) => n === 'm.cc'),
  () => until('recursive', watch('deep', { recursive: true }), () => setTimeout(() => fs.appendFileSync('deep/a/b/c/d/leaf', 'x'), 50), (_, n) => /leaf/.test(n)),
  () => until('watchFile', (f) => fs.watchFile('data/two', { interval: 20 }, f), () => setTimeout(() => fs.appendFileSync('data/two', 'x'), 60), (a, b) => a.size === b.size + 1),
];
cases[process.argv[2]]();
E
for i in 0 1 2 3 4 5 6 7; do node w.js $i; done`,
  },
  {
    name: "node workers, children, modules, addon",
    needs: ["gcc"],
    script: String.raw`gcc -shared -fPIC -I$PROJECT/node_modules/node-api-headers/include addon/addon.c -o lib/addon.node; cat > all.mjs <<'E'
import { Worker } from 'node:worker_threads'; import cp from 'node:child_process'; import fs from 'node:fs'; import { createRequire } from 'node:module'; import other from './lib/esm.mjs';
const require = createRequire(import.meta.url);
console.log(other, require('./lib/data.json').n, require('./lib/index.js'), require('./lib/addon.node').seven, (await import('./lib/other.js')).default, import.meta.url.slice(-7)); for (const m of ['./nothing', './lib/nothing.js', './README.md', './lib']) { try { console.log(require(m)); } catch (e) { console.log(e.code ?? e.name); } try { await import(m); } catch (e) { console.log(e.code ?? e.name); } }
console.log(await Promise.all(['README.md', 'data/one', 'LICENSE'].map((workerData) => new Promise((y, n) => new Worker('./lib/worker.js', { workerData }).on('message', y).on('error', n)))));
const out = (r) => String(r.stdout ?? r); console.log(out(cp.execFileSync('cat', ['data/two'], { env: {} })), out(cp.execSync('cat < data/two; cat data/no-newline')), out(cp.spawnSync('cat', { stdio: [fs.openSync('data/two'), 'pipe', 'inherit'] })), out(cp.spawnSync('cat', ['main.c'], { cwd: 'src' })), cp.spawnSync('./README.md').error?.code, cp.spawnSync('./run.sh', ['a']).stdout.toString(), cp.spawnSync('nothing').error?.code, cp.spawnSync('ls', { cwd: 'nothing' }).error?.code); const child = cp.spawn('sh', ['-c', 'cat data/table.csv; cat <&3'], { stdio: ['ignore', fs.openSync('LICENSE', 'w'), 'inherit', fs.openSync('data/two', 'r')] }); console.log(await new Promise((y) => child.on('close', y)), fs.readFileSync('LICENSE', 'utf8')); const forked = cp.fork('./f.cjs'); console.log(await new Promise((y) => forked.on('message', y))); console.log(await new Promise((y) => cp.exec('exec cat data/two', (_, o) => y(o)))); process.chdir('lib'); console.log(fs.readFileSync('data.json', 'utf8'), process.cwd().slice(-4));
E
echo "process.send(require('fs').readdirSync('data').length); process.disconnect()" > f.cjs; node all.mjs; node -e 'console.log(require("./lib"))'; node -p 'require("./package.json").name'; node --input-type=module -e 'import x from "./lib/other.js"; console.log(x)'; node -r ./lib/other.js -e 1; node --check lib/index.js; node README.md 2>&1 | grep -c SyntaxError; node nothing 2>&1 | grep -c MODULE_NOT_FOUND; mkdir -p node_modules/m; echo 'module.exports = "m"' > node_modules/m/index.js; node -p 'require("m")'; (cd deep/a/b; node -p 'require("m")'); rm -r node_modules/m; node -p 'require("m")' 2>&1 | grep -c MODULE_NOT_FOUND; echo 'console.log(1)' > lib/other.js; node lib/other.js`,
  },
];

/** The same ones with another node first in PATH. */
export const withNewestNode: readonly Scenario[] = node.map((scenario) => ({
  ...scenario,
  name: `newest ${scenario.name}`,
  heavy: true,
}));
