/** The small project every scenario begins with: text, C, C++, JavaScript, Python, odd names and links, at fixed times. */
import { chmodSync, mkdirSync, readdirSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Every file and directory is older than this; what a scenario writes is newer. Seconds. */
const FIRST_TIME = 1_600_000_000;

const lines = (count: number, line: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => `${line(i)}\n`).join("");

/** "->" in front of a link's target, "!" of an executable's content. */
const FILES: Readonly<Record<string, string>> = {
  "README.md": "# a project\n\nwith words in it\nand more words\n\n\nthe end\n",
  LICENSE: lines(40, (i) => `clause ${i}: you may`),
  "empty.txt": "",
  ".hidden": "hidden\n",
  "data/one": lines(3000, (i) => `one ${(i * 7919) % 3001}`),
  "data/two": "two\n",
  "data/two words": "spaces\n",
  "data/numbers": lines(50, (i) => `${(i * 37) % 50} ${i % 7} row${i % 11}`),
  "data/table.csv": "name,size,kind\nalpha,1,x\nbeta,22,y\ngamma,333,x\n",
  "data/bytes": "\u0000\u0001\u0002text\tand\u0007bytes\u0000\n",
  "data/no-newline": "no newline at the end",
  "data/ünï": "name in UTF-8\n",
  "deep/a/b/c/d/leaf": "leaf\n",
  "src/main.c":
    '#include <stdio.h>\n#include "part/part.h"\nint main(void) { printf("%d\\n", part()); return 0; }\n',
  "src/part/part.h": "int part(void);\n",
  "src/part/part.c": '#include "part.h"\nint part(void) { return 42; }\n',
  "cpp/main.cc":
    '#include <iostream>\n#include "shape.hh"\nint main() { std::cout << Square(3).area() << std::endl; }\n',
  "cpp/shape.hh":
    "struct Shape { virtual int area() const = 0; virtual ~Shape(); };\nstruct Square : Shape { int side; explicit Square(int s); int area() const override; };\n",
  "cpp/shape.cc":
    '#include "shape.hh"\nShape::~Shape() {}\nSquare::Square(int s) : side(s) {}\nint Square::area() const { return side * side; }\n',
  Makefile: `CFLAGS = -Isrc -MMD
prog: src/main.o src/part/part.o
	$(CC) -o $@ $^
%.o: %.c
	$(CC) $(CFLAGS) -c -o $@ $<
-include $(wildcard src/*.d src/part/*.d)
.PHONY: clean
clean:
	rm -f prog src/*.[od] src/part/*.[od]
`,
  "build.ninja": `rule cc
  command = gcc -Isrc -MMD -MF $out.d -c -o $out $in
  depfile = $out.d
  deps = gcc
rule link
  command = gcc -o $out $in
build out/main.o: cc src/main.c
build out/part.o: cc src/part/part.c
build out/prog: link out/main.o out/part.o
default out/prog
`,
  "CMakeLists.txt": `cmake_minimum_required(VERSION 3.10)
project(sample C CXX)
add_library(part STATIC src/part/part.c)
add_executable(prog src/main.c)
target_include_directories(prog PRIVATE src)
target_link_libraries(prog part)
add_executable(shapes cpp/main.cc cpp/shape.cc)
configure_file(config.h.in config.h)
enable_testing()
add_test(NAME prog COMMAND prog)
`,
  "config.h.in": '#define NAME "@PROJECT_NAME@"\n',
  "package.json": '{ "name": "sample", "version": "1.0.0", "private": true }\n',
  "lib/index.js": "module.exports = require('./other') + require('./data.json').n;\n",
  "lib/other.js": "module.exports = 'other';\n",
  "lib/data.json": '{"n": 1}\n',
  "lib/esm.mjs":
    "import other from './other.js';\nimport { readFileSync } from 'node:fs';\nexport default other + readFileSync(new URL('./data.json', import.meta.url), 'utf8');\n",
  "lib/worker.js":
    "const { parentPort, workerData } = require('node:worker_threads');\nparentPort.postMessage(require('node:fs').readFileSync(workerData, 'utf8').length + require('./other').length);\n",
  "addon/addon.c":
    '#include <node_api.h>\nNAPI_MODULE_INIT() { napi_value v; napi_create_int32(env, 7, &v); napi_set_named_property(env, exports, "seven", v); return exports; }\n',
  "pkg/__init__.py": "",
  "pkg/__main__.py": "from . import helper\nprint('main', helper.value)\n",
  "pkg/helper.py": "value = 7\n",
  "pkg/sub/__init__.py": "from ..helper import value\n",
  "run.sh": "!#!/bin/sh\necho ran with $# arguments\n",
  "sourced.sh": 'answer=42\nsay() { echo "said $1"; }\n',
  link: "->README.md",
  dlink: "->src/part",
  dangling: "->nowhere",
  "deep/up": "->../data/two",
};

/** Makes it in `root`, which exists. */
export function makeProject(root: string): void {
  let second = FIRST_TIME;
  for (const [name, content] of Object.entries(FILES)) {
    const path = join(root, name);
    mkdirSync(dirname(path), { recursive: true });
    if (content.startsWith("->")) {
      symlinkSync(content.slice(2), path);
      continue;
    }
    const executable = content.startsWith("!");
    writeFileSync(path, executable ? content.slice(1) : content);
    chmodSync(path, executable ? 0o755 : 0o644);
    second += 7;
    utimesSync(path, second, second + 0.25);
  }
  mkdirSync(join(root, "vacant"));
}

/** Directories get times in the past, too: a listing shows which of them a scenario has changed. */
export function ageDirectories(root: string): void {
  for (const entry of readdirSync(root, { withFileTypes: true, recursive: true }))
    if (entry.isDirectory()) utimesSync(join(entry.parentPath, entry.name), FIRST_TIME, FIRST_TIME);
}
