/** npm and what people install with it: real packages, fetched once into a cache that both runs share. */
import type { Scenario } from "./scenario.js";

/** Fetches packages into the tree; both runs begin with them, the second one with virtual files. */
const install = (...packages: string[]): string =>
  `npm install --no-audit --no-fund --loglevel=error --cache $CACHE/npm ${packages.join(" ")} > $CACHE/log 2>&1 || { cat $CACHE/log; exit 1; }`;

const cached = "--no-audit --no-fund --loglevel=error --logs-max=0 --cache $CACHE/npm";
const quiet = `${cached} --prefer-offline`;
/** npm says how long it took. */
const untimed = "| sed 's/ in [0-9.]*m\\?s$//'";

export const packages: readonly Scenario[] = [
  {
    name: "npm ci from a warm cache",
    needs: ["npm"],
    heavy: true,
    before: `${install("lodash@4.17.21", "express@4.19.2", "typescript@5.9.3")}; npm ci --no-audit --no-fund --loglevel=error --cache $CACHE/npm > $CACHE/log 2>&1; rm -rf node_modules`,
    normalise: (text) => text.replace(/A complete log of this run.*/g, ""),
    script: `npm ci ${quiet} ${untimed}; ls node_modules | wc -l; npm ls ${quiet}; node -p 'require("express").name + require("lodash").VERSION'; npm ci ${quiet} ${untimed}; npm uninstall ${cached} --prefer-offline lodash ${untimed}; ls node_modules/lodash; npm install ${cached} --prefer-offline lodash@4.17.21 ${untimed}; npm pkg set description=x; npm version 1.0.1 --no-git-tag-version; npm prune ${quiet} ${untimed}; npx --no-install tsc --version; npm rebuild ${quiet} ${untimed}; npm pack --silent --pack-destination $OUT | wc -l; rm -rf node_modules; npm ci ${quiet} ${untimed}`,
    volatile: /^node_modules\/\.package-lock\.json$/,
  },
  {
    name: "npm install over virtual packages",
    needs: ["npm"],
    heavy: true,
    before: `${install("lodash@4.17.20", "express@4.19.2")}; mkdir -p $CACHE/w; (cd $CACHE/w && echo '{}' > package.json && ${install("lodash@4.17.21", "is-number@7.0.0")})`,
    script: `npm ls ${quiet}; npm install ${cached} --prefer-offline lodash@4.17.21 is-number@7.0.0 ${untimed}; node -p 'require("lodash").VERSION + require("is-number")(5)'; npm uninstall ${cached} --prefer-offline express ${untimed}; ls node_modules; npm dedupe ${cached} --prefer-offline ${untimed}; npm ls ${quiet}; rm -r node_modules/lodash; npm ls ${quiet} 2>&1 | grep -c missing; npm install ${cached} --prefer-offline ${untimed}; cat package.json`,
    volatile: /^node_modules\/\.package-lock\.json$/,
  },
  {
    name: "tsc",
    needs: ["npm"],
    heavy: true,
    before: `${install("typescript@5.9.3", "@types/node@20")}; mkdir -p ts/a; echo "import { b } from './b.js'; export const a: number = b + 1;" > ts/a/a.ts; echo "export const b = 1; import { readFileSync } from 'node:fs'; export const r = readFileSync;" > ts/a/b.ts; echo '{"compilerOptions": {"outDir": "out", "rootDir": "ts", "module": "nodenext", "target": "es2022", "strict": true, "incremental": true, "declaration": true, "sourceMap": true, "types": ["node"]}, "include": ["ts"]}' > tsconfig.json`,
    script:
      "npx tsc; echo $?; ls out/a; cat out/a/a.js; npx tsc --listFilesOnly | wc -l; echo 'export const c: string = 5;' > ts/c.ts; npx tsc; echo $?; sed -i s/5/\"'5'\"/ ts/c.ts; npx tsc; rm ts/a/b.ts; npx tsc; npx tsc --showConfig; npx tsc --noEmit --traceResolution | grep -c 'does not exist'; ls; npx tsc --explainFiles | wc -l",
  },
  {
    name: "eslint",
    needs: ["npm"],
    heavy: true,
    before: `${install("eslint@9.39.1", "@eslint/js@9.39.1")}; echo 'import js from "@eslint/js"; export default [js.configs.recommended, { rules: { semi: "error" } }, { ignores: ["node_modules"] }];' > eslint.config.mjs`,
    script:
      "npx eslint lib --no-color; echo $?; echo 'var unused = 1' > lib/bad.js; npx eslint lib --no-color --format json | md5sum; npx eslint --fix lib --no-color > /dev/null; cat lib/bad.js; npx eslint --cache --cache-location vacant/c lib --no-color > $OUT/l; npx eslint --cache --cache-location vacant/c lib --no-color | cmp - $OUT/l; echo '/* eslint no-undef: 0 */' >> lib/other.js; npx eslint --cache --cache-location vacant/c lib --no-color; npx eslint --print-config lib/index.js | md5sum; npx eslint nothing --no-color 2>&1 | grep -c 'No files'",
    volatile: /^vacant\/c$/,
  },
  {
    // rolldown, in Rust, asks the kernel for attributes by instructions of its own.
    name: "vite build",
    needs: ["npm"],
    heavy: true,
    outside: ["node", "rolldown-worker"],
    hydrate: true,
    before: `${install("vite@8.3.8")}; mkdir -p web/public; echo '<!doctype html><link rel=stylesheet href=./s.css><script type=module src=./m.js></script>' > web/index.html; echo 'body { color: red; background: url(./p.svg) }' > web/s.css; echo '<svg xmlns="http://www.w3.org/2000/svg"/>' > web/p.svg; echo 'import { n } from "./n.js"; import t from "../README.md?raw"; import("./lazy.js").then((m) => console.log(n, t, m.l));' > web/m.js; echo 'export const n = 1;' > web/n.js; echo 'export const l = 2;' > web/lazy.js; echo pub > web/public/p.txt; echo 'export default { root: "web", logLevel: "warn", build: { outDir: "dist", emptyOutDir: true } };' > vite.config.mjs`,
    script:
      "npx vite build; echo $?; find web/dist | sort; cat web/dist/assets/*.js | md5sum; echo 'export const n = 2;' > web/n.js; npx vite build; find web/dist -name '*.js' | sort; rm web/lazy.js; npx vite build > $OUT/log 2>&1; echo $?; grep -c lazy $OUT/log; npx vite --version | cut -d' ' -f1",
    ignore: /node_modules\/\.vite/,
  },
  {
    name: "vite build by way of a static esbuild",
    needs: ["npm"],
    heavy: true,
    outside: ["esbuild"],
    normalise: (text) => text.replace(/^vrift: \S+ is statically linked.*\n/gm, ""),
    before: `${install("vite@5.4.11")}; mkdir -p web; echo '<!doctype html><script type=module src=./m.js></script>' > web/index.html; echo 'import { n } from "./n.ts"; console.log(n);' > web/m.js; echo 'export const n: number = 1;' > web/n.ts`,
    script:
      "npx vite build web --logLevel warn; echo $?; find web/dist | sort; cat web/dist/assets/*.js | md5sum",
    ignore: /node_modules\/\.vite/,
  },
];
