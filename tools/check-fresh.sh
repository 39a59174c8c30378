#!/bin/bash
# Does a fresh clone of HEAD work where there is nothing but git, Node, a C compiler and make? Builds such a Debian with
# debootstrap (once, kept in build/fresh/base), copies it, and runs in the copy as an ordinary user with an empty home:
#   1. without cc, make or Node: the message names what to install, exit 125
#   2. ./vrift run straight from the clone: exit codes are the command's, nothing in the clone is changed
#   3. npm test, with the arguments given here
# Usage (root): tools/check-fresh.sh [TEST...]      --bare: only 1 and 2      --again: builds the base anew
# The package mirror and npm's settings are the host's own, read when it runs.
set -euo pipefail
cd "$(dirname "$0")/.."

suite=bookworm
base=$PWD/build/fresh/base
root=$PWD/build/fresh/root
uid=1000

say() { printf 'check-fresh: %s\n' "$*" >&2; }
die() {
  say "$*"
  exit 1
}

bare=
while [[ ${1-} == --* ]]; do
  case $1 in
    --bare) bare=1 ;;
    --again) rm -rf --one-file-system "$base" ;;
    *) die "unknown option $1" ;;
  esac
  shift
done

# The copy lives in a mount and process namespace of its own: whatever is mounted or left running ends with it.
if [[ ${VRIFT_FRESH_INSIDE-} != 1 ]]; then
  [[ $(id -u) == 0 ]] || die "needs root, for debootstrap and chroot"
  status=0
  VRIFT_FRESH_INSIDE=1 unshare --mount --pid --fork --kill-child "$0" ${bare:+--bare} "$@" || status=$?
  rm -rf --one-file-system "$root"
  exit "$status"
fi

make_base() {
  [[ -e $base/.complete ]] && return
  command -v debootstrap >/dev/null || {
    say "installing debootstrap"
    apt-get update -qq >&2
    apt-get install -y -qq debootstrap >&2
  }
  local mirror
  mirror=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME)' 'Created-By: Packages' |
    awk -v suite="$suite" '$2 == suite { print $1; exit }')
  [[ -n $mirror ]] || die "apt on this machine has no source for $suite"
  say "building $suite with git, gcc and make (once)"
  rm -rf --one-file-system "$base"
  mkdir -p "$base"
  debootstrap --variant=minbase --include=git,gcc,libc6-dev,make,libstdc++6 "$suite" "$base" "$mirror" >"$base.log" 2>&1 ||
    die "debootstrap failed; see $base.log"
  touch "$base/.complete"
}

# Debian's own Node is older than 20: this machine's is taken, with its npm.
copy_node() {
  local npm
  npm=$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")
  mkdir -p "$root/usr/local/lib/node_modules"
  cp "$(node -p process.execPath)" "$root/usr/local/bin/node"
  cp -rL "$npm" "$root/usr/local/lib/node_modules/npm"
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$root/usr/local/bin/npm"
}

# Copies a file of the host to the same name in the copy, if there is one.
copy_same() {
  [[ -n $1 && -f $1 ]] || return 0
  mkdir -p "$root$(dirname "$1")"
  cp -L "$1" "$root$1"
}

# How the host reaches its registry: npm's configuration files, certificates, proxies, names. They go to /etc/npm-host,
# so that the home is empty.
copy_network() {
  mkdir -p "$root/etc/npm-host"
  : >"$root/etc/npm-host/user"
  : >"$root/etc/npm-host/global"
  cp -L "$(npm config get userconfig 2>/dev/null)" "$root/etc/npm-host/user" 2>/dev/null || true
  cp -L "$(npm config get globalconfig 2>/dev/null)" "$root/etc/npm-host/global" 2>/dev/null || true
  chmod 644 "$root"/etc/npm-host/*
  local file
  for file in /etc/resolv.conf /etc/hosts "${NODE_EXTRA_CA_CERTS-}" "${SSL_CERT_FILE-}" \
    "$(npm config get cafile 2>/dev/null)"; do
    copy_same "$file"
  done
  network=(
    NPM_CONFIG_USERCONFIG=/etc/npm-host/user
    NPM_CONFIG_GLOBALCONFIG=/etc/npm-host/global
    "NPM_CONFIG_REGISTRY=$(npm config get registry 2>/dev/null)"
  )
  local name
  for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY NODE_EXTRA_CA_CERTS SSL_CERT_FILE; do
    [[ -n ${!name-} ]] && network+=("$name=${!name}")
  done
  return 0
}

make_root() {
  say "copying it"
  rm -rf --one-file-system "$root"
  cp -a --reflink=auto "$base" "$root"
  copy_node
  copy_network
  mount --make-rprivate /
  mount -t proc proc "$root/proc"
  mount --rbind /dev "$root/dev"
  mkdir -p "$root/home/fresh"
  echo "fresh:x:$uid:$uid::/home/fresh:/bin/bash" >>"$root/etc/passwd"
  echo "fresh:x:$uid:" >>"$root/etc/group"
  git bundle create -q "$root/project.bundle" HEAD
  chown "$uid:$uid" "$root/home/fresh"
}

# Runs a shell command as the user, in the home or in the clone.
as_user() {
  chroot --userspec="$uid:$uid" "$root" /usr/bin/env -i HOME=/home/fresh USER=fresh LANG=C.UTF-8 \
    PATH=/usr/local/bin:/usr/bin:/bin "${network[@]}" /bin/bash -c "cd && { [ ! -d vrift ] || cd vrift; } && $1"
}

# expect STATUS TEXT COMMAND: the exit code, and a text on standard error.
expect() {
  local status=0 output
  output=$(as_user "$3" 2>&1) || status=$?
  [[ $status == "$1" ]] || die "'$3' ended with $status, not $1: $output"
  [[ $output == *"$2"* ]] || die "'$3' did not say '$2' but: $output"
  say "ok: $3 → $1${2:+, \"$2\"}"
}

# without FILE PACKAGE: the launcher names the package.
without() {
  mv "$root$1" "$root$1.away"
  expect 125 "$2" './vrift run -- true'
  mv "$root$1.away" "$root$1"
}

make_base
make_root
as_user 'git -c advice.detachedHead=false clone -q /project.bundle vrift'

say "without a tool: it is named"
without /usr/bin/cc "apt-get install gcc"
without /usr/include/stdio.h "apt-get install libc6-dev"
without /usr/bin/make "apt-get install make"
without /usr/local/bin/npm "apt-get install npm"
without /usr/local/bin/node "Node 20 or newer is needed"

say "straight from the clone"
as_user './vrift run -- true'
expect 0 "" './vrift run -- true'
expect 7 "" './vrift run -- sh -c "exit 7"'
expect 127 "" './vrift run -- no-such-command'
expect 0 "$(git rev-parse HEAD)" './vrift run -- git rev-parse HEAD'
expect 0 "" './vrift status'
changed=$(as_user 'git status --porcelain')
[[ -z $changed ]] || die "the clone was changed: $changed"

[[ -n $bare ]] && exit
say "npm test $*"
as_user "npm test -- $(printf '%q ' "$@")"
