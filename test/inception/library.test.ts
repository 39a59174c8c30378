/** The library as a file, what it does when its index cannot be believed, and what it does without asking the kernel. */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { checkingPrograms } from "../checking-program.js";
import { buildNative, LIBRARY, makeTree, Phantom, program, sh } from "./phantom-fixture.js";

/** What libc may be asked for: all of them weak, so that the library also loads without. */
const WEAK = [
  "__errno_location",
  "__libc_single_threaded",
  "dlsym",
  "environ",
  "globfree",
  "gnu_get_libc_version",
  "pthread_setcanceltype",
];
const DOCUMENT = join(import.meta.dirname, "..", "..", "..", "docs", "interception.md");

before(buildNative);

function symbols(kind: string): string[] {
  const lines = execFileSync("nm", ["-D", LIBRARY], { encoding: "utf8" }).trimEnd().split("\n");
  return lines.flatMap((line) => {
    const found = /^[0-9a-f ]{16} (\w) (\S+)$/.exec(line);
    return found?.[1] === kind && found[2] !== undefined ? [found[2]] : [];
  });
}

/** What the C library of this process exports to programs. */
function libcFunctions(): { name: string; address: string }[] {
  const libc = /\s(\/\S*\/libc\.so\.6)$/m.exec(readFileSync("/proc/self/maps", "utf8"))?.[1] ?? "";
  const lines = execFileSync("readelf", ["-W", "--dyn-syms", libc], {
    encoding: "utf8",
    maxBuffer: 16 << 20,
  });
  return lines.split("\n").flatMap((line) => {
    const found = /^\s*\d+: (\w+)\s+\d+ I?FUNC\s.*\s(?!UND)\S+ (\w+)@@?(\S+)$/.exec(line);
    const [, address, name, version] = found ?? [];
    if (address === undefined || name === undefined || version === "GLIBC_PRIVATE") return [];
    return [{ name, address }];
  });
}

/** The names a fortified, wide, old or internal name may be a variant of. */
function variants(name: string): string[] {
  const bare = name.replace(/^(_IO_|_+)/, "").replace(/(_chk|_2|64|_np)+$/, "");
  return [bare, `${bare}64`, bare.replace(/^x(?=stat|mknod)/, ""), `${bare}at`, `f${bare}`, `l${bare}`];
}

/** The symbols that docs/interception.md says are intercepted: code in the first column of its tables. */
function documented(): string[] {
  const rows = readFileSync(DOCUMENT, "utf8")
    .split("\n")
    .filter((line) => line.startsWith("| `"));
  return rows.flatMap((row) =>
    [...(row.split("|")[1] ?? "").matchAll(/`([A-Za-z_0-9]+)`/g)].map((found) => found[1] ?? ""),
  );
}

describe("the file", () => {
  test("needs no library and is initialised first", () => {
    const dynamic = execFileSync("readelf", ["-d", LIBRARY], { encoding: "utf8" });
    assert.doesNotMatch(dynamic, /NEEDED|TEXTREL/);
    assert.match(dynamic, /INITFIRST/);
  });

  test("asks libc for nothing but weak symbols", () => {
    assert.deepEqual(symbols("U"), []);
    assert.deepEqual(symbols("w").sort(), WEAK);
  });

  test("exports exactly the symbols of docs/interception.md", () => {
    assert.deepEqual(symbols("T").sort(), documented().sort());
    for (const kind of ["D", "B", "R", "W", "V"]) assert.deepEqual(symbols(kind), []);
  });

  test("has a case for each of them", () => {
    const rows = execFileSync(program("each"), ["--rows"], { encoding: "utf8" }).trim().split("\n");
    assert.deepEqual(rows.sort(), symbols("T").sort());
  });

  test("forgets no other name of them in libc", () => {
    const ours = new Set(symbols("T"));
    const forgotten = libcFunctions().filter(
      ({ name, address }, _, all) =>
        !ours.has(name) &&
        (all.some((other) => other.address === address && ours.has(other.name)) ||
          variants(name).some((variant) => ours.has(variant))),
    );
    assert.deepEqual(forgotten, []);
    assert.ok(libcFunctions().length > 1000, "libc's symbols were read");
  });
});

describe("its code with libc and sanitizers", () => {
  const base = mkdtempSync(join(tmpdir(), "vrift-library-"));
  after(() => rmSync(base, { recursive: true, force: true }));

  test("scans, resolves and parses random text as it should", () => {
    const checker = checkingPrograms(["inception_check"]).inception_check;
    assert.equal(execFileSync(checker, [base], { encoding: "utf8" }), "ok\n");
  });
});

describe("reads", () => {
  const base = mkdtempSync(join(tmpdir(), "vrift-library-"));
  const root = join(base, "home", "tree");
  let phantom: Phantom;
  const quiet = (): string =>
    sh(`${program("quiet_reads")} ${root} dir/file dir/absent`, base, phantom.environment).stdout;

  before(async () => {
    makeTree(root, {
      "dir/file": "content\n",
      "dir/empty": "",
      same1: "equal\n",
      same2: "equal\n",
      inherited: "by a child\n",
      script: "cat dir/file; (cat dir/file)\n",
      makefile: "all:\n\tcat dir/file\n",
    });
    phantom = await Phantom.start(root, join(base, "run"), join(base, "source"));
  });
  after(async () => {
    await phantom.stop();
    rmSync(base, { recursive: true, force: true });
  });

  test("of trusted names make no system call", () => {
    const expected = [
      "stat ok 8",
      "lstat ok 8",
      "statx ok 8",
      "syscall ok 8",
      "access ok 0",
      "relative ok 8",
      "readlink EINVAL 0",
      "absent ENOENT 0",
      "absent-relative ENOENT 0",
      "below-a-file ENOTDIR 0",
      "open-absent ENOENT 0",
    ];
    assert.equal(quiet(), expected.map((line) => `${line}\n`).join(""));
  });

  test("leave no descriptor open", () => {
    const list = "ls /proc/self/fd | tr '\\n' ' '";
    assert.equal(sh(list, root, phantom.environment).stdout, sh(list, root).stdout);
  });

  test("go to the kernel while the index is distrusted", async () => {
    await phantom.command("distrust 1");
    assert.equal(quiet(), "");
    assert.equal(sh("cat dir/file; cat dir/absent", root, phantom.environment).stdout, "content\n");
    await phantom.command("distrust 0");
    assert.notEqual(quiet(), "");
  });

  test("leave files virtual: a shell's script, a makefile, what is read while children run", () => {
    const script =
      "bash ./script; dash ./script; . ./script; make -s -f makefile; while read -r l; do cat dir/file; done < script; " +
      "cat dir/file | cat; exec 4< inherited; cat dir/file 4<&-";
    assert.equal(sh(script, root, phantom.environment).stderr, "");
    /* The one that children did inherit. */
    assert.deepEqual(readdirSync(root).sort(), [".vrift", "dir", "inherited"]);
    assert.deepEqual(readdirSync(join(root, "dir")), []);
  });

  test("of equal files keep their own inode across exec", () => {
    const script =
      "for f in same1 same2; do [ $(stat -c %i $f) = $(stat -L -c %i /dev/stdin < $f) ] && echo $f; exec 5< $f; " +
      "[ $(stat -c %i $f) = $(stat -L -c %i /proc/self/fd/5) ] && readlink /proc/self/fd/5; done";
    const expected = ["same1", join(root, "same1"), "same2", join(root, "same2"), ""].join("\n");
    assert.equal(sh(script, root, phantom.environment).stdout, expected);
  });

  test("of a newer index begin when it takes the name", async () => {
    const script =
      "stat -c %s dir/file; echo ready > ../ready; while [ ! -e ../go ]; do :; done; cat dir/file; [ -e new ] && echo new";
    rmSync(join(base, "home", "go"), { force: true });
    const child = spawn("bash", ["-c", script], {
      cwd: root,
      env: { ...process.env, ...phantom.environment },
    });
    let out = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
    const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
    while (!readdirSync(join(base, "home")).includes("ready"))
      await new Promise((resolve) => setTimeout(resolve, 5));
    await phantom.command("grow");
    writeFileSync(join(root, "new"), "");
    await phantom.command("fold");
    writeFileSync(join(base, "home", "go"), "");
    await ended;
    assert.equal(out, "8\ncontent\nnew\n");
    assert.notEqual(quiet(), "", "the newer index is trusted");
  });
});

describe("an index that cannot be believed", () => {
  let base: string, root: string, phantom: Phantom;
  const seen = (): string => {
    const result = sh("ls; cat file; echo x > made; cat made", root, phantom.environment);
    assert.match(result.stderr, /^(cat: file: No such file or directory\n)?$/);
    return result.stdout;
  };
  const index = (): string => join(base, "run", "index");

  beforeEach(async () => {
    base = mkdtempSync(join(tmpdir(), "vrift-library-"));
    root = join(base, "home", "tree");
    makeTree(root, { file: "content\n", "run.sh": "!#!/bin/sh\n" });
    phantom = await Phantom.start(root, join(base, "run"), join(base, "source"));
    assert.equal(sh("ls; cat file", root, phantom.environment).stdout, "file\nrun.sh\ncontent\n");
  });
  afterEach(async () => {
    await phantom.stop();
    rmSync(base, { recursive: true, force: true });
  });

  const damages: Record<string, () => void | Promise<void>> = {
    "is absent": () => rmSync(index()),
    "is readable by others": () => chmodSync(index(), 0o644),
    "is a link": () => {
      renameSync(index(), `${index()}.real`);
      symlinkSync("index.real", index());
    },
    "is shorter than it says": () => {
      copyFileSync(index(), `${index()}.copy`);
      truncateSync(`${index()}.copy`, 100_000);
      renameSync(`${index()}.copy`, index());
    },
    "is empty": () => {
      rmSync(index());
      writeFileSync(index(), "", { mode: 0o600 });
    },
    "is noise": () => {
      rmSync(index());
      writeFileSync(index(), Buffer.alloc(1 << 20, 0xa5), { mode: 0o600 });
    },
    "has no marks beside it": () => rmSync(join(base, "run", "marks")),
    "has marks of another size": () => truncateSync(join(base, "run", "marks"), 4096),
    "is of another root": () => {
      renameSync(root, `${root}.old`);
      makeTree(root, { "run.sh": "!#!/bin/sh\n" });
    },
    "is of a solid tree": () => phantom.command("kind 0"),
  };
  for (const [name, damage] of Object.entries(damages))
    test(`${name}: everything passes to the kernel, silently`, async () => {
      await damage();
      assert.equal(seen(), "run.sh\nx\n");
    });
});

describe("a store that lost content", () => {
  const base = mkdtempSync(join(tmpdir(), "vrift-library-"));
  const root = join(base, "home", "tree");
  const source = join(base, "source");
  let phantom: Phantom;

  before(async () => {
    makeTree(root, { lost: "lost\n", cut: "cut short\n", kept: "kept\n", written: "written into\n" });
    phantom = await Phantom.start(root, join(base, "run"), source);
    for (const directory of readdirSync(join(source, "blake3")))
      for (const name of readdirSync(join(source, "blake3", directory))) {
        const blob = join(source, "blake3", directory, name);
        const content = readFileSync(blob, "utf8");
        if (content === "lost\n") rmSync(blob);
        if (content === "written into\n") {
          chmodSync(blob, 0o644);
          writeFileSync(blob, "Written into\n");
          chmodSync(blob, 0o444);
        }
        if (content === "cut short\n") {
          chmodSync(blob, 0o644);
          truncateSync(blob, 3);
          chmodSync(blob, 0o444);
        }
      }
  });
  after(async () => {
    await phantom.stop();
    rmSync(base, { recursive: true, force: true });
  });

  test("is an input/output error at open, for reading and for writing, and leaves nothing behind", () => {
    const result = sh(
      "cat lost; cat cut; echo x >> lost; echo x >> cut; chmod 600 cut; mv lost moved; cat kept; ls; cat written; echo x >> written",
      root,
      phantom.environment,
    );
    assert.equal(result.stdout, "kept\ncut\nkept\nlost\nwritten\n");
    assert.equal(result.stderr.match(/Input\/output error/g)?.length, 8);
    assert.ok(
      result.stderr.includes(`vrift: the content of ${root}/lost is not whole in the store; vrift verify`),
    );
    assert.deepEqual(readdirSync(root), [".vrift"]);
    assert.deepEqual(readdirSync(join(root, ".vrift", "staging")), []);
    assert.deepEqual(readdirSync(join(root, ".vrift", "whiteouts")), []);
  });

  test("is said once in a run", () => {
    const run = { ...phantom.environment, VRIFT_RUN: "one" };
    const { stderr } = sh("cat lost; cat cut; cat written", root, run);
    assert.equal(stderr.match(/^vrift: .*$/gm)?.length, 1, stderr);
  });

  test("does not hinder a write that replaces everything", () => {
    assert.equal(
      sh("echo new > lost; cat lost; rm cut; ls", root, phantom.environment).stdout,
      "new\nkept\nlost\nwritten\n",
    );
  });
});

describe("a sweep that was killed with content in its hands", () => {
  const base = mkdtempSync(join(tmpdir(), "vrift-library-"));
  const root = join(base, "home", "tree");
  const source = join(base, "source");
  let phantom: Phantom;

  before(async () => {
    makeTree(root, { a: "one\n", b: "two\n" });
    phantom = await Phantom.start(root, join(base, "run"), source);
    mkdirSync(join(source, "trash"), { recursive: true });
    for (const directory of readdirSync(join(source, "blake3")))
      renameSync(join(source, "blake3", directory), join(source, "trash", directory));
    for (const directory of readdirSync(join(source, "trash"))) mkdirSync(join(source, "blake3", directory));
  });
  after(async () => {
    await phantom.stop();
    rmSync(base, { recursive: true, force: true });
  });

  test("programs take back what they open, for reading and for writing", () => {
    const result = sh("cat a; echo more >> b; cat b", root, phantom.environment);
    assert.equal(result.stdout, "one\ntwo\nmore\n");
    assert.equal(result.stderr, "");
    const left = readdirSync(join(source, "trash"), { recursive: true, encoding: "utf8" });
    assert.deepEqual(
      left.filter((name) => name.endsWith(".bin")),
      [],
    );
  });
});

test("a rename that leaves both names white out none: of one name twice, of two names of one file", async () => {
  const base = mkdtempSync(join(tmpdir(), "vrift-same-"));
  const root = join(base, "tree");
  makeTree(root, { one: "one\n", two: "two\n" });
  const phantom = await Phantom.start(root, join(base, "run"), join(base, "source"));
  try {
    const script =
      "const fs = require('fs'); fs.chmodSync('one', 0o600); fs.renameSync('one', 'one'); fs.linkSync('two', 'twin'); fs.renameSync('two', 'twin')";
    const result = sh(`${process.execPath} -e "${script}"`, root, phantom.environment);
    assert.equal(result.stderr, "");
    assert.deepEqual(readdirSync(root).sort(), [".vrift", "one", "twin", "two"]);
    assert.deepEqual(readdirSync(join(root, ".vrift", "whiteouts")), []);
  } finally {
    await phantom.stop();
    rmSync(base, { recursive: true, force: true });
  }
});
