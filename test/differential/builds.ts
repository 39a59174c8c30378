/** make, ninja, cmake with gcc and g++, cargo: from scratch, touched, changed. */
import type { Scenario } from "./scenario.js";

/** Object files hold no times, but what cmake and ninja write down does. */
const times = (text: string): string => text.replace(/\(\d+\.\d+s\)|\[ *\d+%\]|\d+\.\d+ ?(sec|s)\b/g, "T");

/** A directory as large as a small program's: `count` sources, each with a header of its own and one of all. */
export const generateC = (count: number): string => `
mkdir -p gen/include && cd gen && for i in $(seq ${count}); do printf 'int f%d(int);\\n' $i > include/f$i.h; printf '#include "all.h"\\n#include "f%d.h"\\n#include <stdio.h>\\nint f%d(int x) { return x * %d + SCALE; }\\n' $i $i $i > f$i.c; done
echo '#define SCALE 1' > include/all.h
{ for i in $(seq ${count}); do echo "#include \\"f$i.h\\""; done; printf '#include <stdio.h>\\nint main(void) { long s = 0;\\n'; for i in $(seq ${count}); do echo "s += f$i($i);"; done; printf 'printf("%%ld\\\\n", s); return 0; }\\n'; } > main.c
printf 'objects := $(patsubst %%.c,obj/%%.o,$(wildcard *.c))\\nall: prog\\nprog: $(objects)\\n\\t$(CC) -o $@ $^\\nobj/%%.o: %%.c | obj\\n\\t$(CC) -O0 -Iinclude -MMD -MP -c -o $@ $<\\nobj:\\n\\tmkdir -p $@\\nclean:\\n\\trm -rf obj prog\\n-include $(wildcard obj/*.d)\\n' > Makefile`;

export const builds: readonly Scenario[] = [
  {
    name: "make with cc",
    needs: ["make", "gcc"],
    script:
      "make; ./prog; make; touch src/part/part.h; make; echo 'int part(void) { return 43; }' > src/part/part.c; make; ./prog; make -n; make -q; echo $?; make -B -j2 2>&1 | sort; rm src/part/part.h; make 2>&1 | grep -c 'part.h'; echo 'int part(void);' > src/part/part.h; make -j4 | sort; make -t; make clean; ls src src/part; make -C . prog | grep -v directory; make -p -f Makefile nothing 2>&1 | grep -c prog; make -d -n prog | grep -c 'No need\\|Must'; printf 'all:\\n\\t@cat data/two\\n\\t@$(file >made,text)\\ninclude gen.mk\\ngen.mk:\\n\\techo x := 1 > $@\\n' > M2; make -f M2; cat made; make -f M2 SHELL=/bin/bash; make clean; rm gen.mk",
  },
  {
    name: "gcc, ar, ld, strip",
    needs: ["gcc"],
    script: String.raw`
gcc -E -Isrc src/main.c | grep -v '^#' | tail -1; gcc -M -Isrc src/main.c | tr -d '\\\n' | tr -s ' ' '\n' | grep -v '^/'; gcc -S -Isrc src/part/part.c -o part.s; grep -c 42 part.s; gcc -c part.s; ar rcs libpart.a part.o; ar t libpart.a; nm libpart.a | grep part; gcc -Isrc src/main.c -L. -lpart -o prog; ./prog; strip prog; ./prog; gcc -shared -fPIC -Isrc src/part/part.c -o libpart.so; gcc -Isrc src/main.c -L. -l:libpart.so -Wl,-rpath,'$ORIGIN' -o dyn; ./dyn; (cd vacant; ../dyn); ld -r -o both.o part.o; objcopy -O binary part.o part.bin; objdump -d part.o | grep -c mov; gcc -pipe -save-temps -Isrc -c src/main.c; ls *.i *.s; gcc -include src/part/part.h -x c -c - -o stdin.o <<< 'int q(void) { return part(); }'; gcc -c src/nothing.c; echo 'int x' > bad.c; gcc -c bad.c 2>&1 | grep -c error; ls bad.o; gcc @<(echo -Isrc -c src/part/part.c -o resp.o); ls resp.o; gcc -fprofile-arcs -ftest-coverage -Isrc src/main.c src/part/part.c -o cov; ./cov; ls *.gcda | wc -l; gcov -n cov-main.gcno | grep -c Lines; gcc -flto -Isrc src/main.c src/part/part.c -o lto && ./lto; echo '#include "part/part.h"' > src/all.h; gcc -Isrc src/all.h; ls src/all.h.gch; echo 'cpp: $(CXX)' | cpp -P | head -1; rm -f *.gch; as -o e.o /dev/null`,
    volatile: /\.(gcno|gcda)$|^(cov|lto)$|\.gch$/,
  },
  {
    name: "g++",
    needs: ["g++"],
    heavy: true,
    script:
      "g++ -c cpp/shape.cc -o shape.o && g++ -c cpp/main.cc -MMD -o main.o && g++ -o shapes main.o shape.o && ./shapes; cat main.d | tr -d '\\\\\\n' | tr -s ' ' '\\n' | grep -v ^/; sed -i 's/side \\* side/side/' cpp/shape.cc; g++ -o shapes cpp/*.cc; ./shapes; rm cpp/shape.hh; g++ -c cpp/shape.cc 2>&1 | grep -c 'shape.hh'",
  },
  {
    name: "ninja",
    needs: ["ninja", "gcc"],
    script:
      "ninja -v | grep -c gcc; out/prog; ninja; touch src/part/part.h; ninja -d explain 2>&1 | grep -c 'is dirty'; ninja; echo 'int part(void) { return 44; }' > src/part/part.c; ninja | tail -1; out/prog; ninja -t deps | grep -c src; ninja -t clean; ls out; ninja -j4 | tail -1; ninja -t targets all | sort; rm src/part/part.h; ninja 2>&1 | grep -c missing; ninja -t restat; ninja -t compdb cc | grep -c file",
    volatile: /\.ninja_(log|deps)$/,
  },
  {
    name: "cmake with make",
    needs: ["cmake", "make", "g++"],
    heavy: true,
    script:
      "cmake -S . -B b > $OUT/log || cat $OUT/log; cmake --build b 2>&1 | sed 's/^\\[.*\\] //' | sort; b/prog; b/shapes; cmake --build b | grep -c Building; touch src/main.c; cmake --build b | grep Building | sed 's/^\\[.*\\] //'; echo 'int part(void) { return 45; }' > src/part/part.c; cmake --build b -j4 > /dev/null; b/prog; echo '#define MORE 1' >> config.h.in; cmake --build b > /dev/null; cat b/config.h; (cd b && ctest 2>&1 | grep -c Passed); cmake --install b --prefix $OUT/i > /dev/null; cmake --build b --target clean; ls b; cmake -E md5sum README.md; cmake -E compare_files README.md link; cmake -E copy_directory src $OUT/s; cmake -E rename LICENSE L; cmake -E make_directory x/y; cmake -E rm -rf x; cmake -P /dev/stdin <<< 'file(GLOB_RECURSE f RELATIVE ${CMAKE_SOURCE_DIR} data/*) list(SORT f) message(\"${f}\") file(READ data/two t) message(\"${t}\") file(WRITE data/two new) file(RENAME cpp/main.cc cpp/m.cc) file(REMOVE lib/data.json)'; cat data/two; ls cpp lib",
    normalise: times,
    volatile: /^b\/(CMakeFiles\/|Testing\/|CMakeCache|Makefile)/,
    ignore: /^b\/(CMakeFiles\/|Testing\/)/,
  },
  {
    name: "cmake with ninja",
    needs: ["cmake", "ninja", "g++"],
    heavy: true,
    script:
      "cmake -G Ninja -S . -B b > /dev/null; cmake --build b | tail -1 | sed 's/^\\[.*\\] //'; b/prog; b/shapes; cmake --build b; touch cpp/shape.hh; ninja -C b | tail -1 | sed 's/^\\[.*\\] //'; echo 'message(STATUS again)' >> CMakeLists.txt; ninja -C b | grep again; sed -i s/42/46/ src/part/part.c; ninja -C b > /dev/null; b/prog; ninja -C b clean; ls b | grep -c prog",
    normalise: times,
    ignore: /^b\/(CMakeFiles\/|\.ninja|CMakeCache|build\.ninja|cmake_install|Testing)/,
    volatile: /^b\//,
  },
  {
    name: "a project of sixty C files with make -j8",
    needs: ["make", "gcc"],
    heavy: true,
    before: generateC(60),
    script:
      "cd gen; make -j8 | sort | md5sum; ./prog; make; touch include/f7.h; make -j8 | sort; sed -i s/1/2/ include/all.h; make -j8 | wc -l; ./prog; for i in 1 2 3; do make clean; make -s -j8 2>&1; ./prog; done; make -j8 -q; echo $?; rm f9.c; make -j8 2>&1 | grep -c f9; ls | wc -l",
  },
  {
    name: "cargo",
    needs: ["cargo"],
    heavy: true,
    before:
      "export RUSTUP_HOME=${RUSTUP_HOME:-$(eval echo ~$(id -un))/.rustup} CARGO_HOME=$CACHE/cargo; cargo init -q --vcs none --name sample rs 2>/dev/null; mkdir -p rs/src/inner rs/tests; printf 'pub mod deep;\\n' > rs/src/inner/mod.rs; printf 'pub fn answer() -> i32 { include_str!(\"../../n.txt\").trim().parse().unwrap() }\\n' > rs/src/inner/deep.rs; echo 42 > rs/n.txt; printf 'mod inner;\\nfn main() { println!(\"{}\", inner::deep::answer()); }\\n#[test]\\nfn holds() { assert_eq!(inner::deep::answer() > 0, true); }\\n' > rs/src/main.rs; printf 'fn main() { println!(\"cargo:rerun-if-changed=n.txt\"); std::fs::read_to_string(\"n.txt\").unwrap(); }\\n' > rs/build.rs",
    script:
      "export RUSTUP_HOME=${RUSTUP_HOME:-$(eval echo ~$(id -un))/.rustup} CARGO_HOME=$CACHE/cargo; cd rs; cargo build -q --offline; cargo run -q --offline; cargo build --offline 2>&1 | sed 's/ in .*//'; touch src/inner/deep.rs; cargo build --offline 2>&1 | sed 's/ in .*//; s/ (.*//'; echo 43 > n.txt; cargo run -q --offline; echo 'pub fn more() {}' >> src/inner/deep.rs; cargo build --offline 2>&1 | grep -c warning; cargo test -q --offline 2>&1 | grep -c 'test result: ok'; cargo check -q --offline 2>&1 | grep -c never; cargo metadata --offline --format-version 1 --no-deps | wc -l; cargo clean -q; ls; rm src/inner/deep.rs; cargo build --offline 2>&1 | grep -c E0583",
    ignore: /^rs\/target\//,
  },
];
