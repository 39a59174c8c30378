#!/bin/sh
# Makes a fresh clone ready: installs packages, compiles TypeScript and C, writes build/stamp. Called by ./vrift and
# `npm test` every time, so it is quiet and takes a few milliseconds when nothing is to do. Everything is said on
# standard error. Any number may run at once: one works under a lock, the others wait and find it done.
# Usage: setup.sh [--force]     exit 125: it could not be made ready; the reason is on standard error.

cd "$(dirname "$0")/.." || exit 125
force=${1-}

say() { echo "vrift: $*" >&2; }

die() {
  say "$*"
  exit 125
}

# True when something is missing or newer than the stamp, whose time is that of the last build's beginning.
stale() {
  [ "$force" = --force ] || [ ! -d node_modules ] || [ ! -e build/stamp ] ||
    [ -n "$(find src native tools test bench package.json package-lock.json tsconfig.json \
      -newer build/stamp -print -quit 2>/dev/null)" ]
}

# Names the Debian packages for what is missing.
check_machine() {
  command -v node >/dev/null 2>&1 || die "Node 20 or newer is needed, and there is no 'node' in PATH (Debian 13: apt-get install nodejs npm)"
  major=$(node -p 'process.versions.node.split(".")[0]') || die "'node' does not run"
  [ "$major" -ge 20 ] || die "Node 20 or newer is needed; 'node' in PATH is version $major (Debian 13: apt-get install nodejs npm)"
  command -v npm >/dev/null 2>&1 || die "npm is needed to install packages, and there is no 'npm' in PATH (Debian: apt-get install npm)"
  cc=${CC:-cc}
  command -v "${cc%% *}" >/dev/null 2>&1 || die "a C compiler is needed, and there is no '${cc%% *}' in PATH (Debian: apt-get install gcc libc6-dev make)"
  # shellcheck disable=SC2086  # CC may hold options
  echo '#include <stdio.h>' | $cc -E -x c - >/dev/null 2>&1 || die "the C library's headers are needed (Debian: apt-get install libc6-dev)"
  command -v make >/dev/null 2>&1 || die "make is needed (Debian: apt-get install make)"
}

# `npm ci` refuses a lock file that lacks the optional packages of other platforms; --no-save leaves it as it is. Every
# native package ships its binary in a package of its own: no install script is needed, and none is run.
install_packages() {
  # A linked node_modules is kept by whoever linked it.
  [ -L node_modules ] && return
  cmp -s package-lock.json node_modules/.vrift-installed && return
  say "installing packages"
  npm install --no-save --no-audit --no-fund --no-update-notifier --ignore-scripts --include=dev --loglevel=error >&2 ||
    die "npm install failed; the reason is above"
  cp package-lock.json node_modules/.vrift-installed
}

build() {
  check_machine
  mkdir -p build
  : >build/started
  install_packages
  say "compiling"
  node node_modules/typescript/bin/tsc -p tsconfig.json >&2 || die "the TypeScript sources do not compile; the reason is above"
  make --silent --no-print-directory -C native >&2 || die "the C sources do not compile; the reason is above"
  ./tools/stamp.sh build/started
}

stale || exit 0

mkdir -p build || exit 125
if command -v flock >/dev/null 2>&1; then
  exec 9>build/lock
  flock 9 || die "cannot lock build/lock"
else
  # Without util-linux: a directory is as exclusive, but outlives a killed owner, so its owner's pid is in its name.
  until mkdir build/lock.d 2>/dev/null; do
    owner=$(cat build/lock.d/owner 2>/dev/null)
    if [ -n "$owner" ] && ! kill -0 "$owner" 2>/dev/null; then rm -rf build/lock.d; else sleep 0.2; fi
  done
  echo $$ >build/lock.d/owner
  trap 'rm -rf build/lock.d' EXIT
  trap 'exit 125' INT TERM HUP
fi

stale || exit 0
build 9>&-
