/** What is killed in kill-rounds.ts: a program of random operations, git, make, and unpacking as package managers do it. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Sandbox } from "../e2e/sandbox.js";
import { Random } from "../store/random.js";
import { type State, applied, choose, impossible } from "./operations.js";
import type { Work } from "./work.js";

const script = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

export function works(sandbox: Sandbox, seed: number): Work[] {
  return [randomOperations(sandbox, seed), git(sandbox), make(sandbox), packages(sandbox)];
}

function randomOperations(sandbox: Sandbox, seed: number): Work {
  const root = sandbox.path("random");
  let state: State = new Map();
  let done = 0;
  const read = (): State => {
    const { stdout, stderr, code } = sandbox.vrift(
      ["run", "--", process.execPath, script("read-state.js"), "work"],
      {
        cwd: root,
      },
    );
    if (code !== 0) throw new Error(`the tree cannot be read: ${stderr}`);
    return new Map(JSON.parse(stdout) as [string, string][]);
  };
  return {
    name: "random operations",
    root,
    command: (first) => [process.execPath, script("writer.js"), "work", String(seed), String(first)],
    make: () => {
      mkdirSync(join(root, "work/d0"), { recursive: true });
      for (let i = 0; i < 30; i++)
        writeFileSync(join(root, "work", i % 3 === 0 ? `d0/f${i}` : `f${i}`), `${i} `.repeat(20 + 30 * i));
      state = new Map([["d0/", ""]]);
      for (let i = 0; i < 30; i++) state.set(i % 3 === 0 ? `d0/f${i}` : `f${i}`, `${i} `.repeat(20 + 30 * i));
    },
    check: (_first, last) => {
      const step = (number: number) => choose(state, number, new Random(seed + number));
      for (let number = done + 1; number <= last; number++) state = applied(state, step(number));
      const seen = read();
      const problem = impossible(state, step(last + 1), seen);
      state = seen; // one more may have been done, or a part of it
      done = last + 1;
      return problem;
    },
  };
}

function git(sandbox: Sandbox): Work {
  const root = sandbox.path("git");
  const files = 7;
  /** The newest commit at the last look. */
  let found = 0;
  return {
    name: "git",
    root,
    command: (first) => [
      "bash",
      "-c",
      `for ((i = ${first}; ; i++)); do echo $i > f$((i % ${files})); git add -A && git commit -qm "c$i" || exit 1; echo $i; done`,
    ],
    make: () => {
      mkdirSync(root);
      for (let i = 0; i < 40; i++)
        writeFileSync(join(root, i < files ? `f${i}` : `other${i}`), `start ${i}\n`);
      sandbox.sh("git init -q . && git add -A && git commit -qm c0", root, "bare");
    },
    check: (first, last) => {
      const { stdout, stderr } = sandbox.sh(
        `find .git -name '*.lock' -delete; git fsck --no-dangling 1>&2 || exit 1
         git log --format=%s -n 3; echo; cat f$((${last} % ${files})); echo; git status --porcelain; git reset -q --hard; ls | wc -l`,
        root,
        "vrift",
      );
      const [log = "", content = "", rest = ""] = stdout.split("\n\n");
      const newest = Number(log.split("\n")[0]?.slice(1));
      const expected = [last < first ? found : last, last + 1];
      found = newest;
      if (!expected.includes(newest))
        return `the newest commit is ${newest}, not ${expected.join(" or ")}: ${stderr}`;
      if (last >= first && Number(content) !== last)
        return `f${last % files} has ${JSON.stringify(content)}, not ${last}`;
      // The next file may have been written.
      const changed = rest.split("\n").filter((line) => /^.{2} /.test(line));
      const next = `f${(last + 1) % files}`;
      const others = changed.filter((line) => line.slice(3) !== next);
      if (others.length > 0) return `changed: ${others.join(", ")}`;
      return rest.trim().endsWith("40") ? undefined : `names: ${rest}`;
    },
  };
}

function make(sandbox: Sandbox): Work {
  const root = sandbox.path("make");
  const sources = 10;
  const sum = (sources * (sources - 1)) / 2;
  return {
    name: "make",
    root,
    command: (first) => [
      "bash",
      "-c",
      `for ((i = ${first}; ; i++)); do touch src/f$((i % ${sources})).c && make -s -j2 && [ "$(./all)" = ${sum} ] || exit 1; echo $i; done`,
    ],
    make: () => {
      mkdirSync(join(root, "src"), { recursive: true });
      let calls = "";
      for (let i = 0; i < sources; i++) {
        writeFileSync(join(root, `src/f${i}.c`), `#include "all.h"\nint f${i}(void) { return ${i}; }\n`);
        calls += ` + f${i}()`;
      }
      const declarations = Array.from({ length: sources }, (_, i) => `int f${i}(void);\n`).join("");
      writeFileSync(join(root, "src/all.h"), declarations);
      writeFileSync(
        join(root, "src/main.c"),
        `#include <stdio.h>\n#include "all.h"\nint main(void) { printf("%d\\n", 0${calls}); return 0; }\n`,
      );
      writeFileSync(
        join(root, "Makefile"),
        "all: $(patsubst src/%.c,%.o,$(wildcard src/*.c))\n\t$(CC) -o $@ $^\n%.o: src/%.c\n\t$(CC) -c -o $@ $<\nclean:\n\trm -f all *.o\n",
      );
    },
    check: () => {
      // A compiler that was killed leaves half an object file, as anywhere.
      const { stdout, stderr, code } = sandbox.sh(
        "cat src/*.c src/all.h Makefile | wc -l; make -s clean && make -s && ./all",
        root,
        "vrift",
      );
      const lines = sources * 2 + 3 + sources + 6;
      return code === 0 && stdout === `${lines}\n${sum}\n` ? undefined : `${code}: ${stdout} ${stderr}`;
    },
  };
}

/** A new directory beside the old one, the old one removed, renamed. */
function packages(sandbox: Sandbox): Work {
  const root = sandbox.path("packages");
  /** The version at the last look. */
  let found = 0;
  return {
    name: "packages",
    root,
    command: (first) => [
      "bash",
      "-c",
      `for ((i = ${first}; ; i++)); do rm -rf new && cp -r package new && echo $i > new/version && rm -rf modules && mv new modules || exit 1; echo $i; done`,
    ],
    make: () => {
      for (let i = 0; i < 40; i++) {
        const directory = join(root, "package", `p${i % 8}`, "lib");
        mkdirSync(directory, { recursive: true });
        writeFileSync(join(directory, `m${i}.js`), `exports.n = ${i};\n`.repeat(1 + i));
      }
    },
    check: (first, last) => {
      const sums = (directory: string) =>
        sandbox.sh(
          `cd ${directory} && find . -type f ! -name version | sort | xargs -r sha256sum; cat version 2>&1`,
          root,
          "vrift",
        ).stdout;
      const package_ = sums("package").replace(/^cat: .*\n/m, "");
      if (package_.trim().split("\n").length !== 40) return `package has ${package_}`;
      const { stdout } = sandbox.sh("[ -d modules ] && [ ! -d new ] && cat modules/version", root, "vrift");
      const version = Number(stdout);
      // With `new` beside it, the next one is being made, and nothing is said of what was there.
      const isWhole = stdout !== "" && sums("modules") === `${package_}${stdout}`;
      // Half removed it would be taken for damage when the next round is killed before it removes the rest.
      sandbox.sh(stdout === "" ? "rm -rf new modules" : "rm -rf new", root, "vrift");
      if (stdout === "") {
        found = last; // whatever it was, it has gone
        return undefined;
      }
      const expected = [last < first ? found : last, last + 1];
      found = version;
      return isWhole && expected.includes(version)
        ? undefined
        : `modules are ${stdout}, not ${expected.join(" or ")}`;
    },
  };
}
