/** git, from init to gc. */
import type { Scenario } from "./scenario.js";

const INIT =
  "git init -q -b main . && git config pack.threads 1 && git config gc.auto 0 && git config core.fsync none && git add . && git commit -qm first";

export const git: readonly Scenario[] = [
  {
    name: "git from init to gc",
    needs: ["git"],
    script: String.raw`
${INIT}; git status --short; git ls-files -s; echo change >> README.md; rm data/two; git mv lib/other.js lib/o.js; git status --short; git diff --stat; git diff | md5sum; git add -A; git diff --cached --stat; git commit -qm second; git log --oneline --stat | md5sum; git show --name-status HEAD; git checkout -q HEAD~1; cat README.md data/two; git checkout -q main; git revert --no-edit HEAD 2>&1 | tail -1; ls data; git reset -q --hard HEAD~1; git branch side HEAD~1; git switch -q side; echo side > side.txt; git add side.txt; git commit -qm side; git merge -q -m merged main; git log --graph --oneline --all | wc -l; git tag v1; git describe --tags; git blame -s LICENSE | head -2; git grep -n part | sort; git rm -q -r pkg; git commit -qm removed; git restore --source=HEAD~1 pkg; ls pkg; git clean -fdq; git archive HEAD | tar t | wc -l
git gc -q; git repack -adq; git prune; git fsck --strict; git count-objects; git verify-pack -v .git/objects/pack/*.idx | wc -l; git cat-file -p HEAD:README.md | md5sum; git rev-parse HEAD; git reflog | wc -l; git status --short; git check-attr -a README.md; git bundle create -q $OUT/b HEAD; git clone -q $OUT/b $OUT/c -b side 2>&1; ls $OUT/c | head -3`,
    ignore: /(^|\/)\.git\/(objects\/|gc\.|hooks)/,
  },
  {
    name: "git stash, rebase, cherry-pick, bisect",
    needs: ["git"],
    script: String.raw`
${INIT}; for i in 1 2 3 4 5; do echo line $i >> LICENSE; echo $i > data/f$i; git add -A; git commit -qm c$i; done; echo dirty >> README.md; rm data/one; echo un > untracked; git stash -q -u; git status --short; git stash list; git stash show --stat; git stash pop -q; git status --short; git stash -q; git stash apply -q; git checkout -q -- .; git stash drop -q; git clean -fq
git checkout -q -b topic HEAD~3; echo topic > topic; sed -i s/words/themes/ README.md; git add -A; git commit -qm topic; git rebase -q main; git log --format=%s; git checkout -q -b conflict HEAD~4; echo other >> LICENSE; git commit -qam conflict; git rebase main 2>&1 | grep -c CONFLICT; git status --short; git checkout -q --theirs LICENSE; git add LICENSE; GIT_EDITOR=true git rebase --continue > /dev/null 2>&1; echo $?; tail -1 LICENSE; GIT_SEQUENCE_EDITOR="sed -i '1s/pick/drop/'" git rebase -q -i HEAD~3; git log --format=%s | head -3; git cherry-pick topic > /dev/null; git cherry-pick --abort 2>&1 | wc -l
git format-patch -q -o $OUT main..topic; git checkout -q main; git am -q $OUT/*.patch; git log -1 --format=%s; git apply -R $OUT/*.patch; git diff --stat; git checkout -q .; git bisect start HEAD HEAD~5 > /dev/null 2>&1; git bisect run sh -c '! test -f data/f3' 2>&1 | grep -c 'is the first bad'; git bisect reset -q; git status --short; cat LICENSE | md5sum; git rev-parse main topic conflict; git fsck`,
    ignore: /(^|\/)\.git\/(objects\/|hooks)/,
  },
  {
    name: "git worktree, submodule, sparse checkout",
    needs: ["git"],
    script: String.raw`
${INIT}; git worktree add -q vacant/wt -b wt; ls vacant/wt; echo wt >> vacant/wt/README.md; git -C vacant/wt commit -qam inwt; git worktree list | wc -l; git worktree add -q --detach $OUT/w2; cat $OUT/w2/data/two; git worktree remove $OUT/w2; git worktree lock vacant/wt; git worktree remove vacant/wt 2>&1 | tail -1 | cut -c1-20; git worktree unlock vacant/wt; git worktree move vacant/wt moved; tail -1 moved/README.md; rm -rf moved; git worktree prune; git worktree list | wc -l; git merge -q wt; tail -1 README.md
git clone -q --no-hardlinks . $OUT/up; git -c protocol.file.allow=always submodule --quiet add $OUT/up sub; git commit -qm sub; git submodule status | wc -l; git submodule --quiet deinit sub; ls sub; git -c protocol.file.allow=always submodule --quiet update --init; ls sub | head -2; git sparse-checkout set data; ls; git sparse-checkout disable; ls; git ls-files -v | cut -c1 | sort | uniq -c; echo '*.md text eol=crlf' > .gitattributes; rm README.md; git checkout -q README.md; od -c README.md | head -1; printf 'lib/\n*.o\n' > .gitignore; git rm -rq --cached lib; git status --short; git check-ignore lib/index.js; git update-index --refresh; git update-index --assume-unchanged LICENSE; echo x >> LICENSE; git status --short; git fetch -q $OUT/up main; git push -q $OUT/up HEAD:refs/heads/pushed; git -C $OUT/up log -1 --format=%s pushed; git notes add -m note; git config --list --local | wc -l; git config user.x y; git config --unset user.x; git maintenance run -q --task=gc; git status --short`,
    ignore: /(^|\/)\.git\/(.*\/)?(objects|hooks|FETCH_HEAD)/,
    volatile: /(^|\/)\.git\/(.*\/)?(config|logs\/.*|index)$|\.gitmodules$/,
  },
  {
    name: "git in a repository that was there",
    needs: ["git"],
    before: `${INIT} && sed -i s/words/phrases/ README.md && git commit -qam second && git branch old HEAD~1 && git gc -q`,
    script: String.raw`
git status --short; git diff --stat; git diff HEAD --quiet && echo clean; git update-index --refresh; git status --short; git checkout -q old; cat README.md; git status --short; git checkout -q main; echo x >> data/two; git commit -qam third; git log --format=%s; git stash -q; touch LICENSE; git status --short; git diff-files --name-only; git ls-files -m -d -o; git rm -q LICENSE; git reset -q --hard; cat LICENSE | md5sum; rm -rf data; git checkout -q data; ls data; git mv src code; git commit -qm moved; git rebase -q old; git log --format=%s; git gc -q; git fsck; git hash-object README.md data/one; git diff --no-index README.md LICENSE | md5sum; git status`,
    ignore: /(^|\/)\.git\/objects/,
  },
];
