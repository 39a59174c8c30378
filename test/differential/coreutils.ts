/** coreutils, findutils, diffutils, archivers. */
import type { Scenario } from "./scenario.js";

export const coreutils: readonly Scenario[] = [
  {
    name: "text through filters",
    script: String.raw`
cat -A data/bytes; cat -ns README.md LICENSE | tail -3; tac data/table.csv; nl README.md; head -n -35 LICENSE; head -c 7 data/no-newline; tail -n +39 LICENSE; tail -c 5 data/no-newline
cut -d, -f1,3 data/table.csv; paste -d: data/table.csv data/two README.md; sort -n data/numbers | md5sum; sort -k3,3 -k1nr data/numbers | head -4; sort -u -t, -k3 data/table.csv; sort -c data/one; sort -m data/two data/two
uniq -c < data/two; join -t, data/table.csv data/table.csv; comm -12 data/two data/two; tr a-z A-Z < data/table.csv; fold -w 9 LICENSE | head -3; fmt -w 20 README.md; expand -t 4 data/bytes | od -c; unexpand -a README.md; pr -t -2 data/numbers | head -3
od -An -tx1 data/bytes; base64 data/bytes; base32 data/two; wc data/* README.md; wc -L LICENSE; cksum data/*; md5sum data/one > $OUT/sums; md5sum -c $OUT/sums; sha1sum data/two; sha224sum data/two; sha256sum data/*; sha384sum data/two; sha512sum data/two; b2sum data/two; sum data/one; sum -s data/one
shuf --random-source=data/one data/table.csv; tsort <<< "a b b c"; ptx data/two; numfmt --to=iec < <(cut -d' ' -f1 data/numbers | head -3); factor < <(head -2 data/numbers | cut -d' ' -f1); seq 3 | cat - data/two -; tee < data/two /dev/null; rev data/two; column -s, -t data/table.csv`,
  },
  {
    name: "what files are",
    script: String.raw`
stat -c '%n %a %A %f %F %s %U %G %u %h %Y %y %N' *; stat -L -c '%n %s %F' link dlink; stat -c %m README.md | wc -l; ls -AF; ls -AQsk --block-size=1 README.md LICENSE; ls -lS --time-style=+%s data; ls -t data; ls -tr data; ls -X lib; ls -v data; ls -m; ls -d */; ls -Rp --group-directories-first deep src lib; ls -lL --time-style=+%s link; ls -lH --time-style=+%s link; ls -U data | sort; ls --hide='*.md' -B; ls -n --time-style=+%s LICENSE
[ $(stat -c %i README.md) = $(ls -i README.md | cut -d' ' -f1) ] && echo inode; [ $(stat -c %i README.md) = $(find README.md -printf %i) ] && echo inode; [ $(stat -c %d README.md) = $(stat -c %d .) ] && echo device
test README.md -ef link && echo same; test README.md -ef LICENSE || echo different; test README.md -nt LICENSE || echo older; test LICENSE -nt README.md && echo newer; for o in a b c d e f g G h k L O p r s S t u w x; do for f in README.md empty.txt link dangling vacant run.sh nothing; do test -$o $f && echo -n "$o:$f "; done; done; echo
readlink link dangling; readlink -f link dlink/part.h dangling deep/up; readlink -e dangling; readlink -m a/b/../c | sed "s|$PWD||"; realpath -s link --relative-to=.; realpath --relative-to=src data/one dlink/part.h; realpath nothing/x; realpath -m nothing/x --relative-to=.; realpath -e nothing; basename -a lib/*.js; dirname data/one; pathchk -p data/one; file -b README.md data/bytes link 2>&1 | head -3
du -b --apparent-size data/one LICENSE; du -k data/one; du -S --apparent-size -b data/*; df README.md > $OUT/df && wc -l < $OUT/df; getfacl -c README.md 2>/dev/null | head -1; lsattr README.md 2>&1 | wc -l; namei -m data/one`,
  },
  {
    name: "cp in every way",
    script: String.raw`
cp README.md c1; cp -p README.md c2; cp -a link c3; cp -L link c4; cp -r src c5; cp -rL dlink c6; cp -u README.md LICENSE; cp -n data/two LICENSE; cp -b data/two data/table.csv; cp --backup=numbered data/two data/numbers; cp --backup=numbered data/no-newline data/numbers; cp -f data/two data/bytes; cp -l lib/index.js c7; cp -s $PWD/lib/index.js c8; cp --parents deep/a/b/c/d/leaf vacant; cp -t vacant data/two data/one; cp -T src vacant/src; cp --preserve=mode,timestamps run.sh c9; cp --sparse=always data/one c10; cp --reflink=always data/one c11 2>/dev/null || echo no reflink >&2; rm -f c11; cp --remove-destination data/two link; cp --attributes-only LICENSE c12; cp -d dangling c13; cp dangling c14; cp README.md README.md; cp README.md nothing/; cp README.md link/x; cp src c15; cp /dev/null lib/other.js; cp /dev/stdin c16 < data/two
cmp README.md c1 && cmp README.md c2 && echo whole; cat LICENSE data/table.csv data/bytes c8 c16 | md5sum; ls data; stat -c '%n %a %s %h' c*; stat -c %Y c2 c9; [ -L link ]; echo $?`,
    normalise: (text) => text.replace(/no reflink\n/, ""),
  },
  {
    name: "mv in every way",
    script: String.raw`
mv README.md r; mv -n r LICENSE; mv -u r empty.txt; mv -b data/two data/one; mv --backup=t lib/other.js lib/index.js; mv -t vacant data/numbers data/table.csv; mv -T src code; mv code/part code/piece; mv code vacant; mv vacant/code/piece/part.c .; mv part.c part.h; mv link l2; mv dlink d2; mv dangling data/; mv deep/a/b deep; mv deep/b/c/d/leaf deep/b; mv "data/two words" data/x; mv data/ünï u; mv nothing x; mv data data/x; mv data/x data/y/; mv lib pkg lib.d; mkdir lib.d; mv lib pkg lib.d; mv lib.d/pkg/sub lib.d/lib; mv lib.d/lib/data.json lib.d/pkg/helper.py; mv -f lib.d/pkg/helper.py .hidden; mv run.sh $OUT/run; mv $OUT/run run2; ./run2 x; mv cpp $OUT/; ls $OUT/cpp; mv $OUT/cpp cpp3; mv Makefile cpp3/main.cc; mv -v cpp3 cpp; mv cpp/main.cc cpp/main.cc
ls -R; cat empty.txt data/one lib.d/lib/* .hidden l2 cpp/main.cc | md5sum; find . -type f -newer LICENSE | sort`,
  },
  {
    name: "rm, rmdir, mkdir, install",
    script: String.raw`
rm README.md README.md; rm -f nothing; rm data; rm -d vacant; rm -d data; rm -r deep; rm -rv cpp | sort; rmdir src; rmdir nothing; rm src/part/part.?; rmdir -p src/part; ls src; rm lib/*; rmdir lib; ls lib; rm -rf pkg data; ls; unlink LICENSE; unlink LICENSE; unlink src
mkdir lib; mkdir lib; mkdir -p lib/a/b/c src/part data; mkdir -m 700 private; mkdir -m 755 src/main.c; mkdir README.md; mkdir -p src/main.c/x; ls -A lib src/part data; stat -c '%n %a' private README.md; rmdir --ignore-fail-on-non-empty lib; rmdir -p lib/a/b/c; echo again > LICENSE; cat LICENSE
install -m 640 run.sh installed; install -d -m 711 one/two; install -D -t one/three Makefile package.json; install -b .hidden installed; install -C .hidden installed; stat -c '%n %a %s' installed* one one/two one/three/*; rm -i link < /dev/null; rm link dangling dlink; ls`,
  },
  {
    name: "links, modes, owners, times",
    script: String.raw`
ln README.md h1; ln h1 h2; echo x >> h2; tail -1 README.md; stat -c '%h' README.md h1; ln -s data/one s1; ln -sf README.md s1; ln -sfn src dlink; ln -sr data/two deep/rel; readlink s1 dlink deep/rel; ln README.md LICENSE; ln -f README.md LICENSE; ln -b data/two data/one; ln -t vacant data/two lib/other.js; ln -L link h3; ln -P link h4; ln src h5; ln nothing h6; ln -s x README.md; ln -T data/two vacant; link lib/index.js h7; stat -c '%n %h %F' h* LICENSE data/one vacant/* lib/*.js; rm README.md; cat h1 | tail -1
chmod 600 .hidden; chmod u=rw,go=r,a+x data/bytes; chmod -R o-r lib; chmod a-w data/table.csv; chmod +X src lib/index.js; chmod --reference=.hidden data/numbers; chmod -v 755 run.sh Makefile; chmod 4755 cpp/main.cc; chmod g+s vacant; chmod +t vacant; chmod 000 data/no-newline; chmod 644 nothing; chmod -R 700 deep; chmod a=r link; stat -c '%n %a' .hidden data/* lib/* run.sh Makefile cpp/* vacant deep/a h1; chmod 644 data/no-newline
chown $(id -u) data/two; chown -h $(id -u) link; chgrp $(id -g) data/two; chown --reference=data/two lib/data.json; chown -R $(id -u):$(id -g) deep; stat -c '%u:%g' data/two lib/data.json
touch -d '2001-02-03 04:05:06.789 UTC' data/one; touch -r data/one data/numbers; touch -t 200102030405.06 cpp/shape.cc; touch -m -d @5 lib/esm.mjs; touch -a -d @6 lib/worker.js; touch -h -d @7 link; touch -c nothing; touch newer cpp/shape.hh; touch vacant/x; touch -d @8 src; touch -d @9 dlink/; stat -c '%n %Y' data/one data/numbers cpp/shape.cc lib/esm.mjs lib/worker.js link src; stat -c %X lib/worker.js; stat -c %y data/one; touch README.md/x`,
  },
  {
    name: "dd, truncate, tee, split, shred, mktemp",
    script: String.raw`
dd if=data/one of=d1 bs=512 count=3 status=none; dd if=/dev/zero of=data/one bs=10 seek=2 count=1 conv=notrunc status=none; head -3 data/one | od -c | head -3; dd if=data/two of=LICENSE oflag=append conv=notrunc status=none; tail -1 LICENSE; dd if=data/two of=data/bytes conv=excl status=none; dd if=README.md of=lib/other.js conv=fsync,ucase bs=4 status=none; cat lib/other.js; dd if=data/numbers iflag=skip_bytes skip=10 bs=5 count=1 status=none; dd if=README.md of=README.md bs=1 count=4 conv=notrunc status=none; dd of=data/table.csv < data/two status=none
truncate -s 5 package.json; truncate -s +3 package.json; truncate -s '<2' lib/data.json; truncate -r data/two cpp/main.cc; truncate -c -s 1 nothing; truncate -s 100K Makefile; od -c package.json; stat -c '%n %s' lib/data.json cpp/main.cc Makefile nothing; fallocate -l 50 cpp/shape.hh; fallocate -l 10 f1; fallocate -p -o 0 -l 4 f1; stat -c %s cpp/shape.hh f1
echo t | tee -a README.md data/numbers > /dev/null; echo u | tee deep/a/new .hidden; tail -1 README.md data/numbers .hidden; split -n 3 data/one part-; split -l 10 -d LICENSE lic; split -b 1k --filter='wc -c' data/one; csplit -s -f cs LICENSE 5 '/clause 3/'; ls part-* lic* cs*; cat part-* | cmp - data/one; sort -o data/numbers -n data/numbers; head -2 data/numbers; uniq data/two u1; shuf --random-source=data/one -o data/table.csv data/table.csv; cat data/table.csv; shred -u .hidden; ls .hidden; shred -n 1 -z --size=21 data/no-newline; stat -c %s data/no-newline; sync data/two; sync -f .; sync -d README.md
t=$(mktemp -p vacant); [ -f $t ] && rm $t; t=$(mktemp -d -p . dXXX); rmdir $t; mktemp -u -p vacant x.XXX | wc -c; mkfifo pipe; (cat data/two > pipe &); cat pipe; mkfifo README.md; mknod p2 p; mkfifo -m 600 p3; stat -c '%n %F %a' pipe p2 p3; rm pipe p2 p3; ls`,
  },
  {
    name: "starters of programs",
    script: String.raw`
env -i /bin/cat data/two; env -u HOME cat data/two; env -C data cat two; nice -n 5 cat data/two; nohup cat data/two 2>/dev/null; timeout 20 cat data/two; timeout 20 sh -c 'cat data/two; exit 9'; echo $?; stdbuf -oL cat data/two; setsid -w cat data/two; flock data/two cat data/two; find data -name 't*' -print0 | sort -z | xargs -0 -n1 cat; ls data | xargs -P 4 -I{} md5sum data/{} | sort; printf '%s\n' README.md LICENSE | xargs -a /dev/stdin wc -l; ./run.sh a b; sh ./run.sh; . ./sourced.sh; echo $answer; say x; command -p cat data/two; exec -a other cat data/two`,
  },
  {
    name: "find and grep",
    script: String.raw`
find . -newer README.md -type f | sort; find . -name '*.[ch]' -o -iname 'readme*' | sort; find . -size -10c | sort; find . -size +1k -type f | sort; find . -empty | sort; find . -perm 644 | sort | md5sum; find . -perm -u+x -type f; find . -samefile README.md; find -L . -samefile README.md | sort; find . -type l -printf '%p %l %Y\n' | sort; find . -lname 'n*'; find -L . -type l; find . -maxdepth 2 -mindepth 2 -path './s*' | sort; find . -depth | sort | md5sum; find . -links 1 -type f | wc -l; find . -uid $(id -u) | wc -l; find data -regex '.*/t.*' | sort; find . -type f -printf '%p %s %m %T@ %n %h %f %k\n' | sort; find . -inum $(stat -c %i LICENSE); find data -type f -exec md5sum {} + | sort; find lib -type f -execdir cat {} \; | sort | md5sum; find . -readable -writable -name '*.md'; find . -name deep -prune -o -type f -print | wc -l; find nothing; find README.md -type f; find . -newermt 2020-09-13 -name 'L*'; find deep -name leaf -delete; find . -name '*.py' -delete; find data -name 'n*' -exec rm {} +; find deep -depth -type d -empty -delete; find . -type f -name '*.json' -ok true {} \; < /dev/null 2>&1 | wc -l; find . | sort
grep -rn part . | sort; grep -rl --include='*.c' main .; grep -c clause LICENSE; grep -z -o text data/bytes | od -c; grep -rL the . | sort | head; grep -f data/two data/* ; grep -q clause LICENSE; grep x nothing; grep -s x nothing; grep x src; grep -b end README.md; egrep '^clause (1|2):' LICENSE; fgrep -w two data/two; zgrep clause LICENSE | head -1`,
  },
  {
    name: "diff, cmp, awk, sed, ed",
    script: String.raw`
cp -a data $OUT/d; echo x >> $OUT/d/two; rm $OUT/d/bytes; diff -r data $OUT/d | sed "s|$OUT|OUT|g"; diff -rq data $OUT/d | sed "s|$OUT|OUT|g"; diff -q README.md LICENSE; diff -y -W 40 data/two $OUT/d/two; diff --label a --label b -u data/two $OUT/d/two; diff3 data/two data/two $OUT/d/two; sdiff -s data/two $OUT/d/two; cmp data/one data/two; cmp -l data/two $OUT/d/two; diff README.md nothing; diff data lib/data.json 2>&1 | head -2; diff - data/two < data/two; diff <(sort data/numbers) data/numbers | wc -l
awk -F, 'NR > 1 { t += $2 } END { print t }' data/table.csv; awk '{ print > "split-" $2 }' data/numbers; ls split-*; awk 'BEGIN { while ((getline line < "data/two") > 0) print line; "cat README.md" | getline x; print x; print "made" > "lib/other.js"; print "more" >> "LICENSE"; close("LICENSE"); system("tail -1 LICENSE; cat lib/other.js") }'
sed -i 's/words/letters/g' README.md; sed -i.orig '1d' data/table.csv; sed -i -s '$a end' data/two data/no-newline; sed -n -i 2,3p LICENSE; sed -i s/x/y/ nothing; sed -i s/x/y/ src; sed -i --follow-symlinks s/letters/words/ link; readlink link; sed 'w made' data/numbers | wc -l; sed -e 'r data/two' -e 1q README.md; sed -s -n '$=' data/one data/numbers; sed -E 's/(o)n/\1N/' data/one | md5sum; sed -i -e s/a/b/ run.sh; stat -c %a run.sh; head README.md data/table.csv* data/two LICENSE made`,
  },
  {
    name: "ed and ex",
    needs: ["ed"],
    script:
      "printf ',s/words/terms/g\\nw\\nq\\n' | ed -s README.md; cat README.md; printf 'a\\nnew\\n.\\nw fresh\\nw LICENSE\\nq\\n' | ed -s data/two; cat fresh LICENSE; printf 'r !cat data/two\\nw\\nQ\\n' | ed -s empty.txt; cat empty.txt",
  },
  {
    name: "tar, gzip, bzip2, xz",
    script: String.raw`
tar cf $OUT/a.tar . && tar tvf $OUT/a.tar --full-time | grep -v '^d' | sort; tar df $OUT/a.tar; tar czf $OUT/a.tgz data src; tar xzf $OUT/a.tgz -C vacant; diff -r data vacant/data && echo same; tar rf $OUT/a.tar --transform s/LICENSE/L2/ LICENSE; tar tf $OUT/a.tar | tail -1; tar xf $OUT/a.tar ./README.md ./data/one; tar --overwrite -xf $OUT/a.tar ./lib; tar -xkf $OUT/a.tar ./LICENSE; tar --keep-newer-files -xf $OUT/a.tar ./package.json; tar cf - --remove-files deep cpp | tar tf - | sort; ls; tar -C $OUT -cf x.tar a.tgz; tar tf x.tar; rm x.tar; tar xf $OUT/a.tar --recursive-unlink ./src; tar cf $OUT/inc.tar -g $OUT/snar pkg; tar -c --owner=0 --mtime=@5 --sort=name data | md5sum
gzip -k data/one; gzip -n LICENSE; ls data L*; zcat LICENSE.gz | head -1; gunzip LICENSE.gz; gzip -c README.md | gunzip | cmp - README.md; gzip -l data/one.gz; bzip2 data/numbers; bunzip2 data/numbers.bz2; xz data/table.csv; xz -dk data/table.csv.xz; xz -d lib/data.json; stat -c '%n %a %s %Y' LICENSE data/numbers data/table.csv data/one.gz`,
    volatile: /^data\/one\.gz$/,
  },
  {
    name: "zip and unzip",
    needs: ["zip", "unzip"],
    script:
      "zip -qr $OUT/a.zip . && unzip -l $OUT/a.zip | awk '{print $1, $4, $5}' | sort | tail -30; unzip -qo $OUT/a.zip 'data/*' README.md; zip -qm $OUT/b.zip LICENSE data/two; ls LICENSE data; unzip -q $OUT/b.zip; cat LICENSE | md5sum; zip -qu $OUT/b.zip README.md; unzip -p $OUT/b.zip README.md | md5sum; unzip -qd vacant $OUT/a.zip 'src/*'; diff -r src vacant/src && echo same",
  },
  {
    name: "rsync",
    needs: ["rsync"],
    script: String.raw`
rsync -a . $OUT/copy/ --exclude .vrift; diff -r . $OUT/copy --exclude .vrift 2>&1 | grep -v nowhere; rsync -ain . $OUT/copy/ --exclude .vrift; echo more >> $OUT/copy/README.md; rm $OUT/copy/LICENSE; touch $OUT/copy/data/two; echo fresh > $OUT/copy/src/fresh
rsync -ai --delete $OUT/copy/src/ src/; rsync -a --existing --inplace $OUT/copy/ .; tail -1 README.md; rsync -ac --backup --suffix=~ $OUT/copy/data/ data/; ls data; rsync -a --remove-source-files $OUT/copy/lib/ lib2/; rsync -aH --link-dest=$PWD/cpp cpp/ cpp2/; stat -c '%n %h' cpp/* cpp2/*; rsync -a --whole-file --append-verify data/one data/two words 2>&1 | sed 's/ \[.*//'; rsync -aR deep/a/b/c vacant/; rsync -a --delete --force vacant/ pkg/; ls -R pkg lib2; rsync -r --size-only data/ LICENSE 2>&1 | sed 's/ \[.*//' | tail -1; rsync -a --checksum --itemize-changes README.md LICENSE vacant/ | cat; rsync --list-only data/ | awk '{print $2, $5}'; rsync -a --temp-dir=$OUT data/one data/three; cmp data/one data/three; rsync -a --delay-updates lib2/ lib/; ls -A lib`,
  },
];
