/** bash, dash, perl, patch, editors. */
import type { Scenario } from "./scenario.js";

export const shells: readonly Scenario[] = [
  {
    name: "bash redirections",
    script: String.raw`
echo a > README.md; echo b >> README.md; cat README.md; echo c >> link; cat README.md; : > LICENSE; wc -c < LICENSE; echo d >| data/two; echo e &> data/numbers; ls nothing &>> data/numbers; cat data/numbers; { echo out; echo err >&2; } > data/table.csv 2>&1; cat data/table.csv; { echo out; echo err >&2; } 2> lib/other.js > lib/index.js; cat lib/index.js lib/other.js; echo x > dangling; cat nowhere; echo x > vacant; echo x > data/two/y; echo x > nothing/y; echo x > ""
exec 3< cpp/main.cc 4> four 5<> data/one 6>> cpp/shape.cc; read -ru 3 a; read -ru 3 b; echo "$a|$b"; echo four >&4; echo ONE >&5; echo six >&6; exec 3<&- 4>&- 5>&- 6>&-; head -2 data/one; cat four; tail -1 cpp/shape.cc; exec {v}< package.json; cat <&$v; exec {v}<&-; exec 7>&1 > captured; echo inside; exec 1>&7; cat captured
set -C; echo x > README.md; echo x > Makefile; echo y > brandnew; echo y >| brandnew; set +C; cat brandnew; cat << X > here; cat <<- 'Y'; cat <<< "three $(cat data/two)"
in here $(< data/two)
X
	tabs $HOME
Y
cat here; cat < data/two < data/no-newline; cat 0< data/two; (cat; cat) < data/numbers | wc -l; while read -r l; do n=$((n + 1)); done < src/main.c; echo $n; for f in data/*; do wc -c < "$f"; done; cat < data/two > data/two.out; cat < data/bytes | od -c > octal; wc -c < octal; echo z 3> made3; (echo sub; exit 3) > sub || echo $? >> sub; cat sub; coproc { cat data/two; read -r; }; read -ru \${COPROC[0]} l; echo "$l"; echo end >&\${COPROC[1]}; wait; diff <(cat README.md) <(cat README.md) && tee >(cat > viatee) < data/two > /dev/null; until [ -s viatee ]; do :; done; cat /dev/fd/8 8< data/two; echo w > /dev/fd/9 9>> data/two; cat data/two; cat /dev/stdin < README.md; true > sourced.sh`.replaceAll(
      "\\$",
      "$",
    ),
  },
  {
    name: "bash reading, globs and sourcing",
    script: String.raw`
. ./sourced.sh; say $answer; source sourced.sh; mapfile -t lines < LICENSE; echo ${"${#lines[@]}"}; x=$(< data/two); echo "$x"; echo *; echo */; echo .[!.]*; echo data/t*; shopt -s globstar nullglob dotglob; echo **/*.c; echo **/; echo nothing*; shopt -u nullglob; echo nothing*; shopt -s extglob nocaseglob; eval 'echo !(data|lib)'; echo readme*; eval 'echo data/?(two|one)'; shopt -s failglob; echo nothing*; shopt -u failglob; compgen -f data/t; compgen -d d; compgen -G 'lib/*.js'
cd data; pwd | sed 's|.*/||'; ls two; cd ../dlink; pwd | sed 's|.*/||'; pwd -P | sed 's|.*/||'; cat part.h; cd -P ..; pwd | sed 's|.*/||'; cd "$OLDPWD"; cd ..; pushd lib > /dev/null; ls; popd > /dev/null; cd README.md; cd nothing; CDPATH=deep; cd a && ls; cd ../..; [[ -f README.md && ! -e nothing && LICENSE -nt README.md ]] && echo yes; [[ README.md -ef link ]] && echo same; type -P ./run.sh; hash -r; ./README.md; bash ./README.md; bash nothing; bash src; sh -c 'cd data && cat two'; PATH=$PWD:$PATH run.sh 1 2 3; read -r first < README.md; echo $first; IFS=, read -r a b c < data/table.csv; echo $b; printf -v joined '%s,' data/*; echo $joined; trap 'echo left; cat data/two' EXIT; (trap 'cat data/two' USR1; kill -USR1 $BASHPID); bash -c 'trap "cat data/two" TERM; kill $$'; jobs; wait; [ -t 0 ] || echo none; umask 027; echo u > masked; stat -c %a masked`,
  },
  {
    name: "dash",
    needs: ["dash"],
    script: String.raw`dash -c '
cat README.md; echo x > data/two; cat data/two; for i in data/*; do echo "$i"; done; . ./sourced.sh; say $answer; exec 9< LICENSE; read x <&9; echo $x; exec 9>&-; set -C; echo n > LICENSE; set +C; cd src; cat < main.c > ../copy; cd ..; wc -l < copy; echo q >> nothing/x; test -x run.sh && ./run.sh; command -v cat > /dev/null; cat << E
$(cat data/two)
E
cd README.md; ls -d [a-m]*; [ -f lib/index.js ] && rm lib/index.js; ls lib; . ./nothing; echo not here'`,
  },
  {
    name: "patch and diff",
    needs: ["patch"],
    script: String.raw`
cp -a . $OUT/b; cd $OUT/b; sed -i s/words/tokens/ README.md; echo added > data/added; rm data/two; sed -i 's/clause 3:/CLAUSE 3:/' LICENSE; cd - > /dev/null; mkdir $OUT/a; cp -a . $OUT/a; (cd $OUT; diff -ruN a b | sed -E 's/^((---|\+\+\+) [^\t]*).*/\1/' > p.diff)
patch -p1 < $OUT/p.diff; cat README.md data/added; ls data; patch -R -p1 < $OUT/p.diff; cat data/two; patch -p1 --dry-run < $OUT/p.diff; patch -p1 -b -z .bak < $OUT/p.diff; ls data LICENSE*; patch -N -p1 < $OUT/p.diff; echo $?; find . -name '*.rej' | sort; printf -- '--- a/cpp/main.cc\n+++ b/cpp/main.cc\n@@ -1 +1 @@\n-nonsense\n+other\n' | patch -p1; cat cpp/main.cc.rej; patch -o patched -p1 lib/other.js <<'P'
--- a/lib/other.js
+++ b/lib/other.js
@@ -1 +1 @@
-module.exports = 'other';
+module.exports = 'patched';
P
cat patched lib/other.js; patch -i $OUT/p.diff -p1 -d vacant -s -f | tail -1; patch -p0 link <<'P'
--- link
+++ link
@@ -1 +1 @@
-# a project
+# b project
P
head -1 README.md`,
  },
  {
    name: "perl -i and files",
    needs: ["perl"],
    script: String.raw`
perl -pi -e 's/words/terms/' README.md; perl -pi.bak -e 's/two/2/' data/two; perl -ni -e 'print if /clause [0-4]:/' LICENSE; perl -0777 -pi -e 's/\n/;/g' data/table.csv data/numbers; head -c 60 README.md data/two data/two.bak LICENSE data/table.csv; stat -c '%n %a' README.md data/two.bak
perl -e 'opendir D, "."; print join(" ", sort readdir D), "\n"; closedir D; open F, "+<", "data/one" or die; seek F, 4, 0; print F "PERL"; close F; open F, "data/one"; print scalar <F>; print -s "data/one", " ", (-e "nothing" ? 1 : 0), (-d "src" ? 1 : 0), (-l "link" ? 1 : 0), "\n"; rename "lib/other.js", "lib/o.js" or die; unlink "lib/data.json", "nothing"; mkdir "pd"; rmdir "vacant"; link "lib/o.js", "hard"; symlink "x", "sym"; chmod 0600, "lib/o.js"; utime 5, 6, "lib/esm.mjs"; print +(stat "lib/esm.mjs")[9], "\n"; print join(",", map { (lstat)[2] } glob "cpp/*"), "\n"; truncate "cpp/main.cc", 3; open F, ">", "README.md/x" or print "$!\n"; open F, ">>", "cpp/shape.cc"; flock F, 2; print F "end\n"; close F; print readlink("link"), "\n"; use File::Find; find({ wanted => sub { print "$_ " if -f }, preprocess => sub { sort @_ } }, "src"); use File::Copy; copy "data/two", "copied"; move "copied", "moved"; use File::Temp "tempfile"; ($h, $n) = tempfile(DIR => "pd"); unlink $n; use Cwd "realpath"; print realpath("dlink") =~ m{part$} ? "ok\n" : "no\n"; system "cat data/two"; print qx(cat data/two); exec "cat", "moved"'`,
  },
  {
    name: "an editor that renames over",
    script: String.raw`
for f in README.md data/two lib/esm.mjs; do cp -p $f $f~; printf 'saved %s\n' $f > $f.tmp; chmod --reference=$f $f.tmp; mv -f $f.tmp $f; cat $f $f~ | md5sum; done; for f in LICENSE cpp/main.cc; do mv $f $f~; printf new > $f; sync $f; chmod --reference=$f~ $f; rm $f~; cat $f; done; for f in data/numbers src/main.c; do ln $f $f.bak; printf 'x\n' > t; mv t $f; stat -c %h $f $f.bak; rm $f.bak; done; printf v > 4913; chown $(id -u) 4913; rm 4913; mv link link~; printf 'through\n' > link; rm link~; for i in 1 2 3; do printf "turn $i\n" > .p.tmp; mv .p.tmp package.json; cat package.json; echo appended >> package.json; cat package.json; done; ls -AF`,
  },
  {
    name: "an editor that truncates and writes",
    script: String.raw`
for f in README.md data/two lib/esm.mjs; do cat $f > $f~; printf 'saved %s\n' $f > $f; cat $f; cmp -s $f $f~; rm $f~; done; printf 'through the link\n' > link; cat README.md; dd of=LICENSE conv=notrunc status=none <<< overwritten; truncate -s 12 LICENSE; cat LICENSE; for i in 1 2 3 4 5; do printf "turn $i\n" > data/numbers; cat data/numbers; cp data/numbers data/numbers.tmp; mv data/numbers.tmp data/numbers; cat data/numbers; done; for i in 1 2 3; do mv cpp/main.cc cpp/m~; echo $i > cpp/main.cc; cat cpp/m~ > /dev/null; rm cpp/m~; echo more >> cpp/main.cc; done; cat cpp/main.cc; > src/main.c; stat -c %s src/main.c; echo back >> src/main.c; cat src/main.c`,
  },
  {
    name: "vim",
    needs: ["vim"],
    script: String.raw`
v() { vim -N -u NONE -i NONE -es "$@" < /dev/null; }
v -c 'set backupcopy=no' -c '%s/words/v1/' -c wq README.md; v -c 'set backupcopy=yes' -c '%s/v1/v2/' -c wq README.md; v -c 'set backupcopy=auto backup' -c 'normal ggOtop' -c wq LICENSE; v -c 'set backupcopy=yes backup backupext=.b' -c 'normal ggOtop' -c wq data/two; v -c 'set nowritebackup' -c 'normal Gofirst' -c wq data/numbers; v -c 'set noswapfile backupcopy=breakhardlink' -c 'normal Gox' -c x cpp/main.cc; v -c 'normal Gox' -c 'saveas lib/new.js' -c q lib/other.js; v -c 'normal Gox' -c 'w >> data/table.csv' -c 'q!' data/two; v -c 'normal Gox' -c wq link; v -c 'normal itext' -c wq vacant/fresh; v -c 'set undofile undodir=vacant' -c 'normal Gox' -c wq empty.txt; v -c 'e data' -c 'q!'; v -c 'normal Gox' -c 'w!' -c 'normal Goy' -c 'w!' -c q .hidden; v -c 'argdo %s/e/E/ge | update' -c q cpp/main.cc cpp/shape.cc; v -d -c 'diffput' -c wqa data/two data/no-newline
cat README.md LICENSE* data/two* data/numbers data/table.csv cpp/* lib/* link .hidden empty.txt vacant/fresh | md5sum; head -2 README.md LICENSE LICENSE~ data/two data/two.b; stat -c '%n %a %h' README.md LICENSE data/two lib/new.js; ls -A . data lib`,
    ignore: /^vacant\/%/,
  },
];
