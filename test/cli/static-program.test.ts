import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { TestHome } from "./vrift-process.js";

const home = new TestHome();
after(() => home.remove());

/** Without libc, so that no static libc needs to be installed: prints the file named by its argument. */
const source = `
static long call(long n, long a, long b, long c) {
  long r;
  __asm__ volatile("syscall" : "=a"(r) : "a"(n), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
  return r;
}
__asm__(".globl _start\\n_start: mov %rsp, %rdi\\n and $-16, %rsp\\n call begin\\n");
void begin(long *stack) {
  static char text[4096];
  long fd = call(2, stack[2], 0, 0);
  if (fd < 0) call(60, 3, 0, 0);
  call(1, 1, (long)text, call(0, fd, (long)text, sizeof text));
  call(60, 0, 0, 0);
}
`;

before(async () => {
  writeFileSync(join(home.directory, "reader.c"), source);
  writeFileSync(join(home.work, "file"), "content\n");
  const built = await home.bash(
    'cc -O1 -static -nostdlib -nostartfiles -o reader ../reader.c && printf "#!$PWD/reader\\n" > script && chmod +x script && cp reader reader2',
  );
  assert.equal(built.code, 0, built.stderr);
});

const notice = /^vrift: \S+ is statically linked [^\n]*vrift run --hydrate -- \S+\n$/;

describe("a static program", () => {
  test("in a solid tree is a program like any other", async () => {
    assert.deepEqual(await home.vrift(["run", "./reader", "file"]), {
      stdout: "content\n",
      stderr: "",
      code: 0,
      signal: null,
    });
  });

  test("in a phantom tree is named in one line, by path, by PATH and behind #!", async () => {
    assert.equal((await home.vrift(["phantom", "."])).code, 0);
    const direct = await home.vrift(["run", "./reader", "file"]);
    assert.equal(direct.code, 3);
    assert.match(direct.stderr, notice);
    const byPath = await home.bash('PATH=$PWD:$PATH "$VRIFT" run reader file');
    assert.match(byPath.stderr, notice);
    assert.match((await home.vrift(["run", "./script"])).stderr, notice);
  });

  test("a dynamic one is not", async () => {
    assert.deepEqual(await home.vrift(["run", "cat", "file"]), {
      stdout: "content\n",
      stderr: "",
      code: 0,
      signal: null,
    });
  });

  test("sees everything after --hydrate, and the workspace stays phantom", async () => {
    const { stdout, code } = await home.vrift(["run", "--hydrate", "--", "./reader", "file"]);
    assert.equal(stdout, "content\n");
    assert.equal(code, 0);
    assert.match((await home.vrift(["status"])).stdout, /work: phantom/);
    assert.equal((await home.vrift(["run", "cat", "file"])).stdout, "content\n");
  });
});
